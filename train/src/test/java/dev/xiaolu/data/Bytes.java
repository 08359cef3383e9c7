package dev.xiaolu.data;

import java.util.function.IntUnaryOperator;

/// The simplest encoding: a token for each byte, shifted by one; 0 ends a text.
record Bytes(int vocabSize, String digest, IntUnaryOperator id) implements Encoding {
    Bytes() {
        this(257, "bytes", b -> b + 1);
    }

    @Override public int[] encode(byte[] utf8) {
        int[] ids = new int[utf8.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = id.applyAsInt(Byte.toUnsignedInt(utf8[i]));
        }
        return ids;
    }

    @Override public int endOfText() {
        return 0;
    }
}
