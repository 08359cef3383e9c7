package dev.xiaolu.tokenizer;

import static dev.xiaolu.tokenizer.Characters.LETTER;
import static dev.xiaolu.tokenizer.Characters.NUMBER;
import static dev.xiaolu.tokenizer.Characters.SPACE;

/// The pattern of Llama 3 (digits in groups of up to three) and of Qwen 2 and 3 (each digit alone); both keep line ends together.
final class LineScanner implements Scanner {
    private static final String PATTERN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|DIGITS| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final String LLAMA3_PATTERN = PATTERN.replace("DIGITS", "\\p{N}{1,3}");
    static final String QWEN_PATTERN = PATTERN.replace("DIGITS", "\\p{N}");

    private final int digits;

    /// With groups of up to `digits` digits.
    LineScanner(int digits) {
        this.digits = digits;
    }

    @Override public int wordEnd(byte[] text, int from, int end) {
        byte first = text[from];
        if (first == '\'') {
            int contraction = Scanner.contraction(text, from, end, true);
            if (contraction > 0) {
                return contraction;
            }
        }
        int flags = Characters.flagsAt(text, from);
        int second = from + Utf8.width(first);
        if ((flags & LETTER) != 0) {
            return Scanner.run(text, second, end, LETTER);
        }
        if ((flags & NUMBER) != 0) {
            return digitGroup(text, second, end);
        }
        if (first == '\n' || first == '\r') {
            return Scanner.spacesByLine(text, from, end);
        }
        if (Scanner.letterAt(text, second, end)) {
            return Scanner.run(text, second, end, LETTER);
        }
        if ((flags & SPACE) == 0) {
            return Scanner.lineEnds(text, Scanner.runWithout(text, second, end, SPACE | LETTER | NUMBER), end);
        }
        if (first == ' ' && second < end && (Characters.flagsAt(text, second) & (SPACE | NUMBER)) == 0) {
            return Scanner.lineEnds(text, Scanner.runWithout(text, second, end, SPACE | LETTER | NUMBER), end);
        }
        return Scanner.spacesByLine(text, from, end);
    }

    private int digitGroup(byte[] text, int at, int end) {
        for (int i = 1; i < digits && at < end && (Characters.flagsAt(text, at) & NUMBER) != 0; i++) {
            at += Utf8.width(text[at]);
        }
        return at;
    }
}
