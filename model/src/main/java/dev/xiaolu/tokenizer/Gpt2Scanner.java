package dev.xiaolu.tokenizer;

import static dev.xiaolu.tokenizer.Characters.LETTER;
import static dev.xiaolu.tokenizer.Characters.NUMBER;
import static dev.xiaolu.tokenizer.Characters.SPACE;

/// The pattern of GPT-2, which a `ByteLevel` pre-tokenizer with `use_regex` applies.
final class Gpt2Scanner implements Scanner {
    static final String PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

    @Override public int wordEnd(byte[] text, int from, int end) {
        byte first = text[from];
        if (first == '\'') {
            int contraction = Scanner.contraction(text, from, end, false);
            if (contraction > 0) {
                return contraction;
            }
        }
        int start = first == ' ' && from + 1 < end ? from + 1 : from;
        int flags = Characters.flagsAt(text, start);
        if ((flags & LETTER) != 0) {
            return Scanner.run(text, start, end, LETTER);
        }
        if ((flags & NUMBER) != 0) {
            return Scanner.run(text, start, end, NUMBER);
        }
        if ((flags & SPACE) == 0) {
            return Scanner.runWithout(text, start, end, SPACE | LETTER | NUMBER);
        }
        return Scanner.spaces(text, from, end);
    }
}
