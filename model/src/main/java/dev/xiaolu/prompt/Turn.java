package dev.xiaolu.prompt;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Messages that stand together in a prompt: what people and tools say one after another is one turn, any other message is a turn of its own.
///
/// @param parts messages of the turn, at least one
record Turn(List<Message> parts) {
    /// The turns of a conversation. Results of tools stand in the order in which the model called them.
    static List<Turn> of(List<Message> messages) {
        var turns = new ArrayList<Turn>();
        for (Message message : messages) {
            boolean joins = !turns.isEmpty() && turns.getLast().isUser()
                    && (message instanceof Message.ToolResult || message instanceof Message.User && turns.getLast().task().isEmpty());
            if (joins) {
                turns.getLast().parts.add(message);
            } else {
                turns.add(new Turn(new ArrayList<>(List.of(message))));
            }
        }
        Map<String, Integer> order = Map.of();
        for (Turn turn : turns) {
            if (turn.first() instanceof Message.Assistant said && !said.toolCalls().isEmpty()) {
                order = order(said.toolCalls());
            } else if (turn.isUser() && !order.isEmpty()) {
                turn.sortResults(order);
            }
        }
        return turns;
    }

    private static Map<String, Integer> order(List<ToolCall> calls) {
        var order = new HashMap<String, Integer>();
        for (int i = 0; i < calls.size(); i++) {
            if (!calls.get(i).id().isEmpty()) {
                order.put(calls.get(i).id(), i);
            }
        }
        return order;
    }

    /// Results change places among themselves; what people said stays where it is.
    private void sortResults(Map<String, Integer> order) {
        var results = new ArrayList<Message.ToolResult>();
        for (Message part : parts) {
            if (part instanceof Message.ToolResult result) {
                results.add(result);
            }
        }
        results.sort(java.util.Comparator.comparingInt(result -> order.getOrDefault(result.callId(), 0)));
        int next = 0;
        for (int i = 0; i < parts.size(); i++) {
            if (parts.get(i) instanceof Message.ToolResult) {
                parts.set(i, results.get(next++));
            }
        }
    }

    Message first() {
        return parts.getFirst();
    }

    /// Whether a person speaks, or tools do.
    boolean isUser() {
        return first() instanceof Message.User || first() instanceof Message.ToolResult;
    }

    /// Whether the model is asked to go on here.
    boolean asks() {
        return isUser() || first() instanceof Message.Developer;
    }

    /// The question that stands behind this turn.
    Optional<Task> task() {
        return parts.stream().map(Turn::task).flatMap(Optional::stream).reduce((_, last) -> last);
    }

    private static Optional<Task> task(Message message) {
        return switch (message) {
            case Message.User user -> user.task();
            case Message.Developer developer -> developer.task();
            case Message.Assistant assistant -> assistant.task();
            case Message.System _, Message.Reminder _, Message.ToolResult _ -> Optional.empty();
        };
    }

    /// Definitions of tools in this turn.
    List<String> tools() {
        return switch (first()) {
            case Message.System system -> system.tools();
            case Message.Developer developer -> developer.tools();
            default -> List.of();
        };
    }
}
