package dev.xiaolu.prompt;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// An encoded conversation, from the first token up to where the model goes on. Immutable.
///
/// Its parts tell structure from content: only in structure the names of tokens mean tokens. What people, tools and earlier answers said stays text, whatever it says.
public final class Prompt {
    /// A stretch of a prompt.
    ///
    /// @param text      the text
    /// @param structure whether names of tokens in it are those tokens
    record Part(String text, boolean structure) {}

    private final List<Part> parts;

    private Prompt(List<Part> parts) {
        this.parts = List.copyOf(parts);
    }

    List<Part> parts() {
        return parts;
    }

    /// The whole text.
    public String text() {
        return parts.stream().map(Part::text).collect(Collectors.joining());
    }

    /// A prompt under construction.
    static final class Builder {
        private final List<Part> parts = new ArrayList<>();

        Builder structure(String text) {
            parts.add(new Part(text, true));
            return this;
        }

        Builder content(String text) {
            parts.add(new Part(text, false));
            return this;
        }

        Prompt build() {
            return new Prompt(parts);
        }
    }
}
