package dev.xiaolu.prompt;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/// Conversations drawn from a seed, with line ends, quotes, braces and pieces of markup in every text.
final class Conversations {
    private static final String[] PIECES = {"a", "the name", " ", "\n", "\n\n", "\"", "\\", "{", "}", "<", ">", "</", "\">\n", "/thin>", "<|User|>", "｜", "小路", "🦌", "e\u0301", "\t", "tool_calls", "0", "-1.5e3",
        "<tool_result>", "null", "\u0001"};

    private final SplittableRandom random;

    Conversations(long seed) {
        random = new SplittableRandom(seed);
    }

    String text(int pieces) {
        var text = new StringBuilder();
        for (int i = random.nextInt(pieces + 1); i > 0; i--) {
            text.append(PIECES[random.nextInt(PIECES.length)]);
        }
        return text.toString();
    }

    Message.Assistant assistant(boolean reasons) {
        var calls = new ArrayList<ToolCall>();
        for (int i = random.nextInt(4); i > 1; i--) {
            calls.add(call());
        }
        return Message.Assistant.of(reasons ? text(8) : "", text(8), calls);
    }

    private ToolCall call() {
        var parameters = new ArrayList<ToolCall.Parameter>();
        for (int i = random.nextInt(4); i > 0; i--) {
            String name = "p" + i + text(2).replace("\"", "");
            parameters.add(random.nextBoolean() ? new ToolCall.Parameter(name, true, text(6)) : new ToolCall.Parameter(name, false, json(3)));
        }
        return ToolCall.of("f" + text(2).replace("\"", ""), parameters);
    }

    /// JSON as the encoder writes it, but no text alone, which would be written raw.
    private String json(int depth) {
        return switch (random.nextInt(depth > 0 ? 6 : 4)) {
            case 0 -> Integer.toString(random.nextInt(-1000, 1000));
            case 1 -> random.nextBoolean() ? "true" : "null";
            case 2 -> SpacedJson.of(tools.jackson.databind.node.DoubleNode.valueOf(Math.scalb(random.nextDouble() - 0.5, random.nextInt(-80, 80))));
            case 3 -> "[]";
            case 4 -> "[" + json(depth - 1) + ", " + SpacedJson.quoted(text(4)) + "]";
            default -> "{" + SpacedJson.quoted("k" + text(2)) + ": " + json(depth - 1) + "}";
        };
    }

    /// A conversation that ends with a question.
    List<Message> conversation() {
        var messages = new ArrayList<Message>();
        if (random.nextBoolean()) {
            messages.add(Message.System.of(text(5)));
        }
        for (int i = random.nextInt(4); i > 0; i--) {
            messages.add(Message.User.of(text(5)));
            if (random.nextInt(3) == 0) {
                messages.add(new Message.ToolResult("", text(5)));
            }
            messages.add(assistant(random.nextBoolean()));
        }
        messages.add(random.nextInt(4) == 0 ? new Message.Developer("d" + text(4), List.of(), Optional.empty(), Optional.empty()) : Message.User.of(text(5)));
        return messages;
    }

    int nextInt(int bound) {
        return random.nextInt(bound);
    }
}
