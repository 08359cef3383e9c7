package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.LEAF;

import java.lang.foreign.MemorySegment;

/// Some rows of `op(a)`, packed for the micro-kernel: either one block of the summed axis or all of it. Owned by one thread.
final class PackedRows implements AutoCloseable {
    /// Floats that are packed at a time: what stays in a second-level cache beside a panel of columns.
    private static final int ROOM = 192 << 10;

    private final Buffer staging = new Buffer();
    private float[] data = {};
    private int first;
    private int padded;
    private boolean whole;

    /// Whether all of the summed axis of so many rows may be packed at once.
    static boolean fits(Product product, int rows) {
        return (long) Tile.count(rows, product.tileRows) * product.tileRows * product.inner <= ROOM;
    }

    /// Rows that may be packed at a time, one block deep.
    static int atOnce(Product product) {
        return Math.max(1, ROOM / Panels.rowFloats(product.tileRows, product.depth(0))) * product.tileRows;
    }

    /// Packs all of the summed axis.
    void packWhole(Product product, long index, int from, int to) {
        place(product, from, to, true);
        grow(Panels.rowFloats(padded, product.inner));
        for (int block = 0; block < product.blocks(); block++) {
            fill(product, index, block, to, block * Panels.rowFloats(padded, product.blockDepth));
        }
    }

    /// Packs one block.
    void pack(Product product, long index, int block, int from, int to) {
        place(product, from, to, false);
        grow(Panels.rowFloats(padded, product.depth(block)));
        fill(product, index, block, to, 0);
    }

    float[] data() {
        return data;
    }

    /// Index in [#data] of the first leaf of one row of a block.
    int at(Product product, int block, int row) {
        return (whole ? block * Panels.rowFloats(padded, product.blockDepth) : 0) + (row - first) * Panels.ROW;
    }

    /// Floats from one leaf to the next.
    int leafStep() {
        return padded * Panels.ROW;
    }

    private void place(Product product, int from, int to, boolean all) {
        first = from;
        padded = Tile.count(to - from, product.tileRows) * product.tileRows;
        whole = all;
    }

    private void grow(int floats) {
        if (data.length < floats) {
            data = new float[floats];
        }
    }

    private void fill(Product product, long index, int block, int to, int into) {
        MemorySegment memory = product.adjacentA ? MemorySegment.NULL : staging.atLeast(4L * Panels.rowFloats(padded + Vectors.LANES, LEAF));
        Panels.rows(product, product.startA(index), first, to - first, padded, block * product.blockDepth, product.depth(block), data, into, memory);
    }

    @Override public void close() {
        staging.close();
    }
}
