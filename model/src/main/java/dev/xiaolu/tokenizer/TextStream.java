package dev.xiaolu.tokenizer;

import java.util.Arrays;

/// Turns tokens into text one by one and holds back the bytes of a character that is not whole yet.
///
/// The pieces together, with that of [#finish], are the text that [Tokenizer#decode] gives for all tokens at once. One thread at a time.
public final class TextStream {
    private final Vocabulary vocabulary;
    private final boolean skipSpecial;
    private byte[] held = new byte[64];
    private int size;

    TextStream(Vocabulary vocabulary, boolean skipSpecial) {
        this.vocabulary = vocabulary;
        this.skipSpecial = skipSpecial;
    }

    /// The text that this token completes; empty when it ends inside a character.
    public String accept(int id) {
        if (skipSpecial && vocabulary.special(id)) {
            return "";
        }
        int length = vocabulary.length(id);
        if (length == 0) {
            return "";
        }
        if (size + length > held.length) {
            held = Arrays.copyOf(held, Math.max(size + length, held.length * 2));
        }
        vocabulary.copy(id, held, size);
        size += length;
        int whole = size - Utf8.openEnd(held, 0, size);
        String text = Utf8.text(held, 0, whole);
        System.arraycopy(held, whole, held, 0, size - whole);
        size -= whole;
        return text;
    }

    /// What is still held back, U+FFFD if it is the start of a character; afterwards the stream begins anew.
    public String finish() {
        String text = Utf8.text(held, 0, size);
        size = 0;
        return text;
    }
}
