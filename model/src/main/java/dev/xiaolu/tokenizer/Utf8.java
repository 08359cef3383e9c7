package dev.xiaolu.tokenizer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// UTF-8 in byte arrays: reading characters, finding what is not valid, and mending it.
///
/// Not valid means: each longest start of a sequence that could have become valid, or else each single byte, is one fault and is
/// replaced by U+FFFD. That is what Python's `bytes.decode('utf-8', 'replace')` and Rust's `from_utf8_lossy` do; Java's `String` differs where
/// a surrogate is encoded.
final class Utf8 {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final byte[] REPLACEMENT = {(byte) 0xEF, (byte) 0xBF, (byte) 0xBD};

    private Utf8() {}

    /// Eight bytes of `text` from `at` on, the first in the lowest place.
    static long eightBytes(byte[] text, int at) {
        return (long) LONG.get(text, at);
    }

    /// Bytes of the character that begins with `first`, in valid UTF-8.
    static int width(byte first) {
        int b = first & 0xFF;
        return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
    }

    /// The code point that begins at `text[at]`, in valid UTF-8.
    static int codePointAt(byte[] text, int at) {
        int b = text[at];
        if (b >= 0) {
            return b;
        }
        int second = text[at + 1] & 0x3F;
        if (b < (byte) 0xE0) {
            return (b & 0x1F) << 6 | second;
        }
        int third = text[at + 2] & 0x3F;
        if (b < (byte) 0xF0) {
            return (b & 0x0F) << 12 | second << 6 | third;
        }
        return (b & 0x07) << 18 | second << 12 | third << 6 | text[at + 3] & 0x3F;
    }

    /// Where the character that ends before `at` begins, in valid UTF-8; `at` is more than the start of the text.
    static int before(byte[] text, int at) {
        do {
            at--;
        } while ((text[at] & 0xC0) == 0x80);
        return at;
    }

    /// The first byte that belongs to no valid character, or `to` when there is none.
    static int firstFault(byte[] text, int from, int to) {
        int at = from;
        while (true) {
            while (at <= to - 8 && (eightBytes(text, at) & 0x8080808080808080L) == 0) {
                at += 8;
            }
            while (at < to && text[at] >= 0) {
                at++;
                if (at <= to - 8 && (at & 7) == 0) {
                    break;
                }
            }
            if (at >= to) {
                return to;
            }
            if (text[at] < 0) {
                int length = sequence(text, at, to);
                if (length < 0) {
                    return at;
                }
                at += length;
            }
        }
    }

    /// `text` from `from` to `to` with every fault replaced, as a new array.
    static byte[] mend(byte[] text, int from, int to) {
        byte[] out = new byte[to - from + 16];
        int size = 0;
        int at = from;
        while (at < to) {
            int fault = firstFault(text, at, to);
            out = room(out, size, fault - at + 3);
            System.arraycopy(text, at, out, size, fault - at);
            size += fault - at;
            at = fault;
            if (fault < to) {
                System.arraycopy(REPLACEMENT, 0, out, size, 3);
                size += 3;
                at += Math.abs(sequence(text, fault, to));
            }
        }
        return Arrays.copyOf(out, size);
    }

    /// The text of some bytes, every fault in them replaced.
    static String text(byte[] bytes, int from, int to) {
        if (firstFault(bytes, from, to) == to) {
            return new String(bytes, from, to - from, StandardCharsets.UTF_8);
        }
        return new String(mend(bytes, from, to), StandardCharsets.UTF_8);
    }

    /// How many bytes at the end of the range begin a character that more bytes could complete: 0 to 3.
    static int openEnd(byte[] text, int from, int to) {
        for (int at = Math.max(from, to - 3); at < to; at++) {
            if ((text[at] & 0xC0) == 0xC0 && needed(text[at]) > to - at && sequence(text, at, to) == at - to) {
                return to - at;
            }
        }
        return 0;
    }

    /// Length of the valid sequence at `at`, or minus the length of the faulty piece there.
    private static int sequence(byte[] text, int at, int to) {
        int first = text[at] & 0xFF;
        int needed = needed(text[at]);
        if (needed == 0) {
            return -1;
        }
        for (int i = 1; i < needed; i++) {
            if (at + i >= to) {
                return -i;
            }
            int b = text[at + i] & 0xFF;
            int low = i > 1 ? 0x80 : first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
            int high = i > 1 ? 0xBF : first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
            if (b < low || b > high) {
                return -i;
            }
        }
        return needed;
    }

    /// Length of a sequence by its first byte, 0 when none begins so.
    private static int needed(byte first) {
        int b = first & 0xFF;
        return b < 0x80 ? 1 : b < 0xC2 ? 0 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : b < 0xF5 ? 4 : 0;
    }

    private static byte[] room(byte[] bytes, int size, int more) {
        int wanted = Math.addExact(size, more);
        return wanted <= bytes.length ? bytes : Arrays.copyOf(bytes, (int) Math.min(Integer.MAX_VALUE - 16, Math.max(wanted, bytes.length * 2L)));
    }

    /// Whether a text has no half of a surrogate pair.
    static boolean isWhole(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (Character.isLowSurrogate(text.charAt(i)) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return false;
                }
                i++;
            }
        }
        return true;
    }

    /// The UTF-8 bytes of a text; each half of a broken surrogate pair becomes U+FFFD.
    static byte[] bytesOf(String text) {
        if (isWhole(text)) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        var mended = new StringBuilder(text.length());
        text.codePoints().forEach(c -> mended.appendCodePoint(c >= 0xD800 && c < 0xE000 ? 0xFFFD : c));
        return mended.toString().getBytes(StandardCharsets.UTF_8);
    }
}
