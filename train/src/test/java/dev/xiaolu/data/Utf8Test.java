package dev.xiaolu.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Utf8Test {
    /// The JDK's strict decoder says the same of every text.
    private static boolean isText(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException broken) {
            return false;
        }
    }

    @Test void everyCharacterIsText() {
        for (int codePoint = 0; codePoint <= Character.MAX_CODE_POINT; codePoint++) {
            if (codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE) {
                assertEquals(-1, Utf8.firstFault(("a" + Character.toString(codePoint) + "b").getBytes(StandardCharsets.UTF_8)));
            }
        }
    }

    @Test void everyPairAndManyQuadsOfBytesAreJudgedAsByTheJdk() {
        for (int i = 0; i < 1 << 16; i++) {
            byte[] bytes = {(byte) (i >>> 8), (byte) i};
            assertEquals(isText(bytes), Utf8.firstFault(bytes) < 0, () -> HexFormat.of().formatHex(bytes));
        }
        var random = new Random(7);
        int[] edges = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
        for (int i = 0; i < 150_000; i++) {
            byte[] bytes = new byte[random.nextInt(1, 6)];
            for (int k = 0; k < bytes.length; k++) {
                bytes[k] = (byte) edges[random.nextInt(edges.length)];
            }
            assertEquals(isText(bytes), Utf8.firstFault(bytes) < 0, () -> HexFormat.of().formatHex(bytes));
        }
    }

    @Test void firstFaultIsWhereItIs() {
        for (int length = 1; length < 40; length++) {
            for (int at = 0; at < length; at++) {
                byte[] bytes = "x".repeat(length).getBytes(StandardCharsets.UTF_8);
                bytes[at] = (byte) 0xC0;
                assertEquals(at, Utf8.firstFault(bytes));
            }
        }
    }
}
