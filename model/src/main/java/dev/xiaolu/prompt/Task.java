package dev.xiaolu.prompt;

import dev.xiaolu.platform.InputException;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// A small question that the model answers about a conversation instead of going on with it.
public enum Task {
    /// Whether to search or to answer at once; asked behind the user's message, where the answer would begin.
    ACTION,
    /// Queries for a search engine.
    QUERY,
    /// How much the sources must be worth.
    AUTHORITY,
    /// The field that the message belongs to.
    DOMAIN,
    /// A title; asked behind the first answer.
    TITLE,
    /// Whether a URL is to be read; see [Message.User#extractedUrl].
    READ_URL;

    /// The task of that name, as messages spell it.
    static Task of(String subject, String name) {
        return Arrays.stream(values()).filter(task -> task.spelled().equals(name)).findFirst().orElseThrow(() -> InputException.of("%s is '%s', wanted one of %s", subject, name,
                Arrays.stream(values()).map(Task::spelled).collect(Collectors.joining(", "))));
    }

    String spelled() {
        return name().toLowerCase(Locale.ROOT);
    }

    String marker() {
        return "<｜" + spelled() + "｜>";
    }
}
