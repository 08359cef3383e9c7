package dev.xiaolu.data;

/// From text to tokens, as much of it as preparing a corpus needs. Thread-safe, and a pure function.
public interface Encoding {
    /// The token ids of a whole document of valid UTF-8, without the end of text.
    int[] encode(byte[] utf8);

    /// The id that ends every document.
    int endOfText();

    /// Ids are from 0 to this, exclusive.
    int vocabSize();

    /// A text that differs whenever [#encode] may differ, for example the hash of the tokenizer's file.
    String digest();
}
