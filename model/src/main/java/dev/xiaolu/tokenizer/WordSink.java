package dev.xiaolu.tokenizer;

/// Takes pieces of text in their order; a piece is valid UTF-8, not empty, and may be read only during the call.
interface WordSink {
    void accept(byte[] text, int from, int to);
}
