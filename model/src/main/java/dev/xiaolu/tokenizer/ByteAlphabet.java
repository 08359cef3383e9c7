package dev.xiaolu.tokenizer;

import java.nio.charset.StandardCharsets;

/// The 256 printable characters that stand for the 256 bytes in the files of byte-level vocabularies.
///
/// Bytes that print in Latin-1 stand for themselves, the others follow from U+0100 on in the order of their value.
/// Source: Radford et al. 2019, "Language models are unsupervised multitask learners".
final class ByteAlphabet {
    private static final char[] CHARACTERS = new char[256];
    private static final short[] BYTES = new short[0x144];

    /// The bytes in the order of their characters, which is the order of their ids in a new vocabulary.
    static final byte[] ORDER = new byte[256];

    static {
        java.util.Arrays.fill(BYTES, (short) -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean prints = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            CHARACTERS[b] = (char) (prints ? b : next++);
            BYTES[CHARACTERS[b]] = (short) b;
        }
        int place = 0;
        for (short b : BYTES) {
            if (b >= 0) {
                ORDER[place++] = (byte) b;
            }
        }
    }

    private ByteAlphabet() {}

    /// The character that stands for a byte.
    static char character(int b) {
        return CHARACTERS[b & 0xFF];
    }

    /// The characters that stand for some bytes.
    static String characters(byte[] bytes, int from, int to) {
        char[] out = new char[to - from];
        for (int i = 0; i < out.length; i++) {
            out[i] = CHARACTERS[bytes[from + i] & 0xFF];
        }
        return new String(out);
    }

    /// The bytes that a token stands for, or null when some character of it stands for no byte.
    static byte[] bytesOrNull(String token) {
        byte[] out = new byte[token.length()];
        for (int i = 0; i < out.length; i++) {
            char c = token.charAt(i);
            if (c >= BYTES.length || BYTES[c] < 0) {
                return null;
            }
            out[i] = (byte) BYTES[c];
        }
        return out;
    }

    /// What a token adds to a decoded text: the bytes it stands for, or its own UTF-8 when it is not written in this alphabet.
    static byte[] decoded(String token) {
        byte[] bytes = bytesOrNull(token);
        return bytes != null ? bytes : token.getBytes(StandardCharsets.UTF_8);
    }
}
