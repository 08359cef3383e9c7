package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;

/// What a model keeps of the tokens of one sequence, so that more can follow without computing them again. Made by the model that uses it.
///
/// Owns its memory until [#close]. One thread at a time.
public interface ContextCache extends AutoCloseable {
    /// Tokens held.
    int length();

    /// Tokens that fit.
    int capacity();

    /// Refuses a pass that would not fit; called before its first layer.
    default void reserve(long tokens) {
        checkInput(length() + tokens <= capacity(), "context: %d tokens and %d more do not fit, wanted at most %d", length(), tokens, capacity());
    }

    @Override void close();
}
