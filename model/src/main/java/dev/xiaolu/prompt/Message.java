package dev.xiaolu.prompt;

import static dev.xiaolu.platform.Check.checkInput;

import java.util.List;
import java.util.Optional;

/// One message of a conversation.
///
/// Definitions of tools and schemas of answers are JSON on one line; [ConversationReader] writes them so.
public sealed interface Message {
    /// What the model is told before all else.
    ///
    /// @param content        the text
    /// @param tools          definitions of the tools that the model may call
    /// @param responseFormat the schema that the answer must have
    record System(String content, List<String> tools, Optional<String> responseFormat) implements Message {
        public System {
            tools = List.copyOf(tools);
        }

        /// A text alone.
        public static System of(String content) {
            return new System(content, List.of(), Optional.empty());
        }
    }

    /// What a person says.
    ///
    /// @param content      the text
    /// @param extractedUrl a URL that was found in it, for [Task#READ_URL]; empty for none
    /// @param task         a question about the conversation up to here
    record User(String content, String extractedUrl, Optional<Task> task) implements Message {
        /// A text alone.
        public static User of(String content) {
            return new User(content, "", Optional.empty());
        }
    }

    /// What a program says in a person's place.
    ///
    /// @param content        the text, which is not empty
    /// @param tools          definitions of the tools that the model may call
    /// @param responseFormat the schema that the answer must have
    /// @param task           a question about the conversation up to here
    record Developer(String content, List<String> tools, Optional<String> responseFormat, Optional<Task> task) implements Message {
        public Developer {
            checkInput(!content.isEmpty(), "developer: the message is empty, wanted a text");
            tools = List.copyOf(tools);
        }
    }

    /// Facts of the moment, such as the date, that go before what follows.
    ///
    /// @param content the text
    record Reminder(String content) implements Message {}

    /// What a tool gave back.
    ///
    /// @param callId  the [ToolCall#id] that it answers; empty for none
    /// @param content the text
    record ToolResult(String callId, String content) implements Message {}

    /// What the model said.
    ///
    /// @param reasoning what it thought first; empty for nothing
    /// @param content   the answer
    /// @param toolCalls calls of tools, behind the answer
    /// @param open      whether it goes on, so that nothing ends it
    /// @param task      a question about the conversation up to here
    record Assistant(String reasoning, String content, List<ToolCall> toolCalls, boolean open, Optional<Task> task) implements Message {
        public Assistant {
            toolCalls = List.copyOf(toolCalls);
        }

        /// A turn that ended.
        public static Assistant of(String reasoning, String content, List<ToolCall> toolCalls) {
            return new Assistant(reasoning, content, toolCalls, false, Optional.empty());
        }
    }
}
