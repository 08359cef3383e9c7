package dev.xiaolu.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Classes of characters, pinned to Unicode 16: the general category of every code point and whether it belongs to a word.
///
/// Read from a table that was recorded from the regex engine of Hugging Face tokenizers, and not from the running JDK: the
/// tokens of a text must not change with the Java version. Immutable after loading, thread-safe.
final class Characters {
    /// Bits of [#flags]: the major categories, white space, and what `\w` matches.
    static final int LETTER = 1, MARK = 2, NUMBER = 4, PUNCTUATION = 8, SYMBOL = 16, SPACE = 32, WORD = 64;

    /// One more than the last code point.
    static final int END = 0x110000;

    /// The two-letter names of the general categories; a category is an index into this list.
    static final List<String> CATEGORIES = List.of("Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
        "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cs");

    /// First and last code points of `\s`.
    private static final int[] SPACES = {
        0x09, 0x0D, 0x20, 0x20, 0x85, 0x85, 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000};

    private static final int PAGE_BITS = 8;
    private static final int PAGE = 1 << PAGE_BITS;

    /// For each page of 256 code points where its cells begin; equal pages are stored once.
    private static final int[] PAGE_START = new int[END >> PAGE_BITS];
    private static final byte[] CATEGORY_CELLS;
    private static final byte[] FLAG_CELLS;

    /// [#flags] of the 128 ASCII characters.
    static final byte[] ASCII = new byte[128];

    static {
        byte[] categories = new byte[END];
        byte[] flags = new byte[END];
        readTable(categories, flags);
        for (int i = 0; i < SPACES.length; i += 2) {
            for (int c = SPACES[i]; c <= SPACES[i + 1]; c++) {
                flags[c] |= SPACE;
            }
        }
        var seen = new java.util.HashMap<String, Integer>();
        int stored = 0;
        for (int page = 0; page < PAGE_START.length; page++) {
            int at = page << PAGE_BITS;
            String content = new String(categories, at, PAGE, StandardCharsets.ISO_8859_1) + new String(flags, at, PAGE, StandardCharsets.ISO_8859_1);
            Integer start = seen.get(content);
            if (start == null) {
                start = stored;
                seen.put(content, start);
                System.arraycopy(categories, at, categories, stored, PAGE);      // forwards only: `stored` never passes `at`
                System.arraycopy(flags, at, flags, stored, PAGE);
                stored += PAGE;
            }
            PAGE_START[page] = start;
        }
        CATEGORY_CELLS = java.util.Arrays.copyOf(categories, stored);
        FLAG_CELLS = java.util.Arrays.copyOf(flags, stored);
        for (int c = 0; c < ASCII.length; c++) {
            ASCII[c] = (byte) flags(c);
        }
    }

    private Characters() {}

    /// Lines of `first-code-point category[w]`, each good until the next line; `w` marks characters of words.
    private static void readTable(byte[] categories, byte[] flags) {
        String[] lines;
        try (var in = Characters.class.getResourceAsStream("characters.txt")) {
            lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).split("\n");
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
        for (int i = 0; i < lines.length; i++) {
            int space = lines[i].indexOf(' ');
            int first = Integer.parseInt(lines[i], 0, space, 16);
            int end = i + 1 < lines.length ? Integer.parseInt(lines[i + 1], 0, lines[i + 1].indexOf(' '), 16) : END;
            int category = CATEGORIES.indexOf(lines[i].substring(space + 1, space + 3));
            int flag = majorFlag(CATEGORIES.get(category).charAt(0)) | (lines[i].endsWith("w") ? WORD : 0);
            java.util.Arrays.fill(categories, first, end, (byte) category);
            java.util.Arrays.fill(flags, first, end, (byte) flag);
        }
    }

    private static int majorFlag(char major) {
        return switch (major) {
            case 'L' -> LETTER;
            case 'M' -> MARK;
            case 'N' -> NUMBER;
            case 'P' -> PUNCTUATION;
            case 'S' -> SYMBOL;
            default -> 0;
        };
    }

    /// The classes of a code point, as bits.
    static int flags(int codePoint) {
        return FLAG_CELLS[PAGE_START[codePoint >> PAGE_BITS] + (codePoint & PAGE - 1)];
    }

    /// The general category of a code point, an index into [#CATEGORIES].
    static int category(int codePoint) {
        return CATEGORY_CELLS[PAGE_START[codePoint >> PAGE_BITS] + (codePoint & PAGE - 1)];
    }

    /// The classes of the character that begins at `text[at]`, which is valid UTF-8.
    static int flagsAt(byte[] text, int at) {
        byte first = text[at];
        return first >= 0 ? ASCII[first] : flags(Utf8.codePointAt(text, at));
    }

    /// Whether the character belongs to a word as the Rust regex crate sees it, which decides `single_word` of added tokens.
    static boolean inWord(int codePoint) {
        return (flags(codePoint) & WORD) != 0 || codePoint == 0x200C || codePoint == 0x200D;
    }
}
