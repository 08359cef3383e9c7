package dev.xiaolu.data;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Whether bytes are UTF-8 text.
final class Utf8 {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Utf8() {}

    /// The place of the first byte that is not well-formed UTF-8 (no overlong forms, no surrogates, nothing past U+10FFFF), or −1 when all are.
    static int firstFault(byte[] text) {
        int i = 0;
        while (i < text.length) {
            while (i + 8 <= text.length && ((long) LONGS.get(text, i) & HIGH_BITS) == 0) {
                i += 8;
            }
            if (i == text.length) {
                break;
            }
            int length = lengthAt(text, i);
            if (length == 0) {
                return i;
            }
            i += length;
        }
        return -1;
    }

    /// Bytes of the well-formed character at `i`, 0 when there is none.
    private static int lengthAt(byte[] text, int i) {
        int lead = text[i] & 0xFF;
        if (lead < 0x80) {
            return 1;
        }
        int length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
        if (length == 0 || i + length > text.length) {
            return 0;
        }
        for (int k = 1; k < length; k++) {
            if ((text[i + k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        int second = text[i + 1] & 0xFF;
        boolean wrong = lead == 0xE0 && second < 0xA0 || lead == 0xED && second >= 0xA0 || lead == 0xF0 && second < 0x90 || lead == 0xF4 && second >= 0x90;
        return wrong ? 0 : length;
    }
}
