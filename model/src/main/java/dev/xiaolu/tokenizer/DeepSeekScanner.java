package dev.xiaolu.tokenizer;

import static dev.xiaolu.tokenizer.Characters.LETTER;
import static dev.xiaolu.tokenizer.Characters.MARK;
import static dev.xiaolu.tokenizer.Characters.PUNCTUATION;
import static dev.xiaolu.tokenizer.Characters.SPACE;
import static dev.xiaolu.tokenizer.Characters.SYMBOL;

/// The last of the three patterns of DeepSeek-V3 and later. Digits, control characters and unassigned code points match nothing in it
/// unless letters follow them, so there are stretches between matches.
final class DeepSeekScanner implements Scanner {
    static final String PATTERN = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        + "| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    @Override public int wordEnd(byte[] text, int from, int end) {
        int at = from;
        while (at < end) {
            int match = match(text, at, end);
            if (match > 0) {
                return at == from ? match : at;
            }
            at += Utf8.width(text[at]);
        }
        return end;
    }

    /// The end of the match that begins at `from`, or -1.
    private static int match(byte[] text, int from, int end) {
        byte first = text[from];
        int flags = Characters.flagsAt(text, from);
        int second = from + Utf8.width(first);
        if ((flags & (LETTER | MARK)) != 0) {
            return Scanner.run(text, second, end, LETTER | MARK);
        }
        if ((flags & (PUNCTUATION | SYMBOL)) != 0) {
            if (first > 0 && second < end && latinLetter(text[second])) {
                do {
                    second++;
                } while (second < end && latinLetter(text[second]));
                return second;
            }
            return Scanner.lineEnds(text, Scanner.run(text, second, end, PUNCTUATION | SYMBOL), end);
        }
        if (first == '\n' || first == '\r') {
            return Scanner.spacesByLine(text, from, end);
        }
        int next = second < end ? Characters.flagsAt(text, second) : 0;
        if ((next & (LETTER | MARK)) != 0) {
            return Scanner.run(text, second, end, LETTER | MARK);
        }
        if (first == ' ' && (next & (PUNCTUATION | SYMBOL)) != 0) {
            return Scanner.lineEnds(text, Scanner.run(text, second, end, PUNCTUATION | SYMBOL), end);
        }
        return (flags & SPACE) != 0 ? Scanner.spacesByLine(text, from, end) : -1;
    }

    private static boolean latinLetter(byte b) {
        return (b | 0x20) >= 'a' && (b | 0x20) <= 'z';
    }
}
