package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class Utf8Test {
    private static String mended(byte[] bytes) {
        return Utf8.text(bytes, 0, bytes.length);
    }

    /// The JDK decodes an encoded surrogate to one U+FFFD; Python, Rust and this project to three.
    private static String expected(byte[] bytes) {
        byte[] spread = new byte[bytes.length * 3];
        int size = 0;
        for (int i = 0; i < bytes.length; i++) {
            boolean surrogate = bytes[i] == (byte) 0xED && i + 1 < bytes.length && (bytes[i + 1] & 0xE0) == 0xA0;
            spread[size++] = surrogate ? (byte) 0xFF : bytes[i];             // a byte that is one fault on its own, as each byte of a surrogate is
        }
        return new String(spread, 0, size, StandardCharsets.UTF_8);
    }

    @Test void allShortSequencesAreMendedAsElsewhere() {
        for (int a = 0; a < 256; a++) {
            assertEquals(expected(new byte[] {(byte) a}), mended(new byte[] {(byte) a}));
            for (int b = 0; b < 256; b++) {
                for (int c = 0; c < 256; c += a < 0xE0 ? 37 : 1) {
                    byte[] bytes = {(byte) a, (byte) b, (byte) c};
                    assertEquals(expected(bytes), mended(bytes), () -> Arrays.toString(bytes));
                }
            }
        }
    }

    @Test void fourByteSequencesAreMendedAsElsewhere() {
        int[] some = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
        for (int a = 0xE0; a < 256; a++) {
            for (int b : some) {
                for (int c : some) {
                    for (int d : some) {
                        byte[] bytes = {'x', (byte) a, (byte) b, (byte) c, (byte) d, 'y'};
                        assertEquals(expected(bytes), mended(bytes), () -> Arrays.toString(bytes));
                    }
                }
            }
        }
    }

    /// As `b'\xed\xa0\x80'.decode('utf-8', 'replace')` and its like.
    @Test void encodedSurrogatesAreThreeFaults() {
        assertEquals("\uFFFD\uFFFD\uFFFD", mended(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}));
        assertEquals("\uFFFD", mended(new byte[] {(byte) 0xF0, (byte) 0x9F, (byte) 0xA6}));
        assertEquals("\uFFFD\uFFFD", mended(new byte[] {(byte) 0xC0, (byte) 0x80}));
    }

    @Test void randomBytesAreMendedAsElsewhere() {
        for (long seed = 1; seed <= 3000; seed++) {
            byte[] bytes = new RandomTexts(seed).broken(80);
            long shown = seed;
            assertEquals(expected(bytes), mended(bytes), () -> "seed " + shown);
        }
    }

    @Test void openEndIsWhatMoreBytesCouldComplete() {
        for (int c : new int[] {0x41, 0xE9, 0x7FF, 0x800, 0xD7FF, 0xFFFD, 0x10000, 0x1F98C, 0x10FFFF}) {
            byte[] whole = ("x" + Character.toString(c)).getBytes(StandardCharsets.UTF_8);
            for (int size = 1; size <= whole.length; size++) {
                assertEquals(size == whole.length ? 0 : size - 1, Utf8.openEnd(whole, 0, size));
            }
        }
        assertEquals(0, Utf8.openEnd(new byte[] {(byte) 0xED, (byte) 0xA0}, 0, 2), "a surrogate never becomes valid");
        assertEquals(0, Utf8.openEnd(new byte[] {(byte) 0xC3, 'a'}, 0, 2));
        assertEquals(0, Utf8.openEnd(new byte[0], 0, 0));
    }

    @Test void halvesOfSurrogatePairsAreReplaced() {
        assertArrayEquals("a\uFFFDb".getBytes(StandardCharsets.UTF_8), Utf8.bytesOf("a\uD83Db"));
        assertArrayEquals("\uFFFD🦌\uFFFD".getBytes(StandardCharsets.UTF_8), Utf8.bytesOf("\uDD8C🦌\uD83E"));
    }
}
