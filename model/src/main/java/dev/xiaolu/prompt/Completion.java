package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import java.util.List;
import java.util.Optional;

/// What a model wrote, taken apart.
///
/// @param reasoning what it thought first
/// @param content   the answer
/// @param toolCalls calls of tools, whole ones only
/// @param ended     whether the model ended its turn; otherwise it was stopped
/// @param fault     what is wrong with the form, if anything
/// @param rest      the text from the faulty part on; empty where there is no fault
public record Completion(String reasoning, String content, List<ToolCall> toolCalls, boolean ended, Optional<Fault> fault, String rest) {
    public Completion {
        toolCalls = List.copyOf(toolCalls);
    }

    /// What is wrong with the form of a completion, and where.
    ///
    /// @param position characters before the place
    /// @param line     its line, from 1
    /// @param column   its column, from 1
    /// @param what     what was wanted and what was found
    public record Fault(int position, int line, int column, String what) {
        @Override public String toString() {
            return "completion: line %d column %d: %s".formatted(line, column, what);
        }
    }

    /// The message for the conversation; refuses one that is faulty.
    public Message.Assistant message() {
        if (fault.isPresent()) {
            throw new InputException(fault.get().toString());
        }
        return Message.Assistant.of(reasoning, content, toolCalls);
    }
}
