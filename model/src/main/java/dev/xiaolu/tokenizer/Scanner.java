package dev.xiaolu.tokenizer;

import static dev.xiaolu.tokenizer.Characters.LETTER;
import static dev.xiaolu.tokenizer.Characters.SPACE;

/// A hand-written match of one known pattern, which cuts a text as a split by that pattern with behaviour `Isolated` does.
///
/// Scanners have no state. They are equal to their patterns on every text, which the tests check against [SplitStage].
interface Scanner {
    /// The end of the word that begins at `from`: of a match, or of the text up to the next match. More than `from`, at most `end`.
    int wordEnd(byte[] text, int from, int end);

    /// Where the run of characters that have one of `flags` ends, at `at` itself when there is none.
    static int run(byte[] text, int at, int end, int flags) {
        while (at < end) {
            byte b = text[at];
            if (b >= 0) {
                if ((Characters.ASCII[b] & flags) == 0) {
                    break;
                }
                at++;
            } else {
                if ((Characters.flags(Utf8.codePointAt(text, at)) & flags) == 0) {
                    break;
                }
                at += Utf8.width(b);
            }
        }
        return at;
    }

    /// Where the run of characters that have none of `flags` ends.
    static int runWithout(byte[] text, int at, int end, int flags) {
        while (at < end) {
            byte b = text[at];
            if (b >= 0) {
                if ((Characters.ASCII[b] & flags) != 0) {
                    break;
                }
                at++;
            } else {
                if ((Characters.flags(Utf8.codePointAt(text, at)) & flags) != 0) {
                    break;
                }
                at += Utf8.width(b);
            }
        }
        return at;
    }

    /// Where the run of carriage returns and line feeds ends.
    static int lineEnds(byte[] text, int at, int end) {
        while (at < end && (text[at] == '\n' || text[at] == '\r')) {
            at++;
        }
        return at;
    }

    /// The end of `\s*[\r\n]+|\s+(?!\S)|\s+` at a space: behind the last line end of the run, or before the last space when more
    /// text follows, or else behind the run.
    static int spacesByLine(byte[] text, int from, int end) {
        int at = from;
        int last = from;                                   // where the last character of the run begins
        int behindLineEnd = -1;
        while (at < end && (Characters.flagsAt(text, at) & SPACE) != 0) {
            last = at;
            byte b = text[at];
            at += Utf8.width(b);
            if (b == '\n' || b == '\r') {
                behindLineEnd = at;
            }
        }
        return behindLineEnd > 0 ? behindLineEnd : at < end && last > from ? last : at;
    }

    /// The end of `\s+(?!\S)|\s+` at a space.
    static int spaces(byte[] text, int from, int end) {
        int at = run(text, from, end, SPACE);
        return at < end && Utf8.before(text, at) > from ? Utf8.before(text, at) : at;
    }

    /// The end of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, or -1. With `anyCase` as under `(?i:)`, where the long s folds to s.
    static int contraction(byte[] text, int from, int end, boolean anyCase) {
        if (from + 1 >= end) {
            return -1;
        }
        int first = text[from + 1];
        if (anyCase && first == (byte) 0xC5 && text[from + 2] == (byte) 0xBF) {
            return from + 3;
        }
        int fold = anyCase ? 0x20 : 0;
        int second = from + 2 < end ? text[from + 2] | fold : 0;
        return switch (first | fold) {
            case 's', 't', 'm', 'd' -> from + 2;
            case 'r', 'v' -> second == 'e' ? from + 3 : -1;
            case 'l' -> second == 'l' ? from + 3 : -1;
            default -> -1;
        };
    }

    /// Whether a letter begins at `at`, which may be the end.
    static boolean letterAt(byte[] text, int at, int end) {
        return at < end && (Characters.flagsAt(text, at) & LETTER) != 0;
    }
}
