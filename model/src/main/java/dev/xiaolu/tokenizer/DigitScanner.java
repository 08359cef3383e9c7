package dev.xiaolu.tokenizer;

import static dev.xiaolu.tokenizer.Characters.NUMBER;

/// Cuts digits from the rest, in groups of up to `size`: the pattern `\p{N}{1,3}` of DeepSeek, and the `Digits` pre-tokenizer.
///
/// @param size     most digits in one group
/// @param newest   whether the digits of Unicode 17 count too, which only the `Digits` pre-tokenizer of Hugging Face knows
record DigitScanner(int size, boolean newest) implements Scanner {
    static final String DEEP_SEEK_PATTERN = "\\p{N}{1,3}";

    @Override public int wordEnd(byte[] text, int from, int end) {
        int at = from;
        for (int i = 0; i < size && at < end && digit(text, at); i++) {
            at += Utf8.width(text[at]);
        }
        if (at > from) {
            return at;
        }
        do {
            at += Utf8.width(text[at]);
        } while (at < end && !digit(text, at));
        return at;
    }

    private boolean digit(byte[] text, int at) {
        byte first = text[at];
        if (first >= 0) {
            return first >= '0' && first <= '9';
        }
        int c = Utf8.codePointAt(text, at);
        return (Characters.flags(c) & NUMBER) != 0 || newest && (c >= 0x11DE0 && c <= 0x11DE9 || c >= 0x16FF4 && c <= 0x16FF6);
    }
}
