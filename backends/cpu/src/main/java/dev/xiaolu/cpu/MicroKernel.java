package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Panels.ROW;
import static dev.xiaolu.cpu.Tile.COLUMNS;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// One leaf of one tile: the only place where the matrix product multiplies.
///
/// A tile is some rows by two vectors of columns; each element is one chain of `fma` in its own lane, so neither the width of the vectors nor the shape of
/// the tile can change a sum. After the chain the waiting nodes of the tree are added, then the tile is stored: all in one method, since vectors that
/// cross a call which is not inlined are boxed. `a` lies on the heap because that keeps each method small enough for every tier of the compiler.
final class MicroKernel {
    private static final long VECTOR_BYTES = 4L * LANES;
    private static final long PANEL_BYTES = 2 * VECTOR_BYTES;

    private MicroKernel() {}

    /// Multiplies `length` steps of the summed axis and adds the nodes waiting in `tiles`.
    ///
    /// @param rows   rows of the tile: 1, 4, 6 or 12
    /// @param a      packed rows, `[rows, Panels.ROW]` from index `fromA`, of which the first `length` of each row count
    /// @param b      packed columns, `[length, COLUMNS]` from byte `fromB`
    /// @param tiles  waiting nodes, the one of level `v` at `v * Tile.SIZE`
    /// @param merge  a bit for each level to be added, the lowest first
    /// @param into   index in `tiles` where the sum goes
    static void leaf(int rows, float[] a, int fromA, MemorySegment b, long fromB, int length, float[] tiles, int merge, int into) {
        switch (rows) {
            case 1 -> rows1(a, fromA, b, fromB, length, tiles, merge, into);
            case 4 -> rows4(a, fromA, b, fromB, length, tiles, merge, into);
            case 6 -> rows6(a, fromA, b, fromB, length, tiles, merge, into);
            case 12 -> rows12(a, fromA, b, fromB, length, tiles, merge, into);
            default -> throw new IllegalArgumentException("a tile of " + rows + " rows");
        }
    }

    private static void rows1(float[] a, int fromA, MemorySegment b, long fromB, int length, float[] tiles, int merge, int into) {
        FloatVector l0 = FloatVector.zero(FLOATS), r0 = FloatVector.zero(FLOATS);
        for (int k = 0; k < length; k++) {
            int atA = fromA + k;
            long atB = fromB + k * PANEL_BYTES;
            FloatVector left = FloatVector.fromMemorySegment(FLOATS, b, atB, LITTLE_ENDIAN);
            FloatVector right = FloatVector.fromMemorySegment(FLOATS, b, atB + VECTOR_BYTES, LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[atA]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
        }
        for (int level = 0; merge >>> level != 0; level++) {     // small nodes first: the sum so far is always the right child
            if ((merge >>> level & 1) != 0) {
                int at = level * Tile.SIZE;
                l0 = FloatVector.fromArray(FLOATS, tiles, at).add(l0);
                r0 = FloatVector.fromArray(FLOATS, tiles, at + LANES).add(r0);
            }
        }
        l0.intoArray(tiles, into);
        r0.intoArray(tiles, into + LANES);
    }

    private static void rows4(float[] a, int fromA, MemorySegment b, long fromB, int length, float[] tiles, int merge, int into) {
        FloatVector l0 = FloatVector.zero(FLOATS), r0 = FloatVector.zero(FLOATS);
        FloatVector l1 = FloatVector.zero(FLOATS), r1 = FloatVector.zero(FLOATS);
        FloatVector l2 = FloatVector.zero(FLOATS), r2 = FloatVector.zero(FLOATS);
        FloatVector l3 = FloatVector.zero(FLOATS), r3 = FloatVector.zero(FLOATS);
        for (int k = 0; k < length; k++) {
            int atA = fromA + k;
            long atB = fromB + k * PANEL_BYTES;
            FloatVector left = FloatVector.fromMemorySegment(FLOATS, b, atB, LITTLE_ENDIAN);
            FloatVector right = FloatVector.fromMemorySegment(FLOATS, b, atB + VECTOR_BYTES, LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[atA]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[atA + ROW]);
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[atA + 2 * ROW]);
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[atA + 3 * ROW]);
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
        }
        for (int level = 0; merge >>> level != 0; level++) {     // small nodes first: the sum so far is always the right child
            if ((merge >>> level & 1) != 0) {
                int at = level * Tile.SIZE;
                l0 = FloatVector.fromArray(FLOATS, tiles, at).add(l0);
                r0 = FloatVector.fromArray(FLOATS, tiles, at + LANES).add(r0);
                l1 = FloatVector.fromArray(FLOATS, tiles, at + COLUMNS).add(l1);
                r1 = FloatVector.fromArray(FLOATS, tiles, at + COLUMNS + LANES).add(r1);
                l2 = FloatVector.fromArray(FLOATS, tiles, at + 2 * COLUMNS).add(l2);
                r2 = FloatVector.fromArray(FLOATS, tiles, at + 2 * COLUMNS + LANES).add(r2);
                l3 = FloatVector.fromArray(FLOATS, tiles, at + 3 * COLUMNS).add(l3);
                r3 = FloatVector.fromArray(FLOATS, tiles, at + 3 * COLUMNS + LANES).add(r3);
            }
        }
        l0.intoArray(tiles, into);
        r0.intoArray(tiles, into + LANES);
        l1.intoArray(tiles, into + COLUMNS);
        r1.intoArray(tiles, into + COLUMNS + LANES);
        l2.intoArray(tiles, into + 2 * COLUMNS);
        r2.intoArray(tiles, into + 2 * COLUMNS + LANES);
        l3.intoArray(tiles, into + 3 * COLUMNS);
        r3.intoArray(tiles, into + 3 * COLUMNS + LANES);
    }

    private static void rows6(float[] a, int fromA, MemorySegment b, long fromB, int length, float[] tiles, int merge, int into) {
        FloatVector l0 = FloatVector.zero(FLOATS), r0 = FloatVector.zero(FLOATS);
        FloatVector l1 = FloatVector.zero(FLOATS), r1 = FloatVector.zero(FLOATS);
        FloatVector l2 = FloatVector.zero(FLOATS), r2 = FloatVector.zero(FLOATS);
        FloatVector l3 = FloatVector.zero(FLOATS), r3 = FloatVector.zero(FLOATS);
        FloatVector l4 = FloatVector.zero(FLOATS), r4 = FloatVector.zero(FLOATS);
        FloatVector l5 = FloatVector.zero(FLOATS), r5 = FloatVector.zero(FLOATS);
        for (int k = 0; k < length; k++) {
            int atA = fromA + k;
            long atB = fromB + k * PANEL_BYTES;
            FloatVector left = FloatVector.fromMemorySegment(FLOATS, b, atB, LITTLE_ENDIAN);
            FloatVector right = FloatVector.fromMemorySegment(FLOATS, b, atB + VECTOR_BYTES, LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[atA]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[atA + ROW]);
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[atA + 2 * ROW]);
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[atA + 3 * ROW]);
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a[atA + 4 * ROW]);
            l4 = a4.fma(left, l4);
            r4 = a4.fma(right, r4);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a[atA + 5 * ROW]);
            l5 = a5.fma(left, l5);
            r5 = a5.fma(right, r5);
        }
        for (int level = 0; merge >>> level != 0; level++) {     // small nodes first: the sum so far is always the right child
            if ((merge >>> level & 1) != 0) {
                int at = level * Tile.SIZE;
                l0 = FloatVector.fromArray(FLOATS, tiles, at).add(l0);
                r0 = FloatVector.fromArray(FLOATS, tiles, at + LANES).add(r0);
                l1 = FloatVector.fromArray(FLOATS, tiles, at + COLUMNS).add(l1);
                r1 = FloatVector.fromArray(FLOATS, tiles, at + COLUMNS + LANES).add(r1);
                l2 = FloatVector.fromArray(FLOATS, tiles, at + 2 * COLUMNS).add(l2);
                r2 = FloatVector.fromArray(FLOATS, tiles, at + 2 * COLUMNS + LANES).add(r2);
                l3 = FloatVector.fromArray(FLOATS, tiles, at + 3 * COLUMNS).add(l3);
                r3 = FloatVector.fromArray(FLOATS, tiles, at + 3 * COLUMNS + LANES).add(r3);
                l4 = FloatVector.fromArray(FLOATS, tiles, at + 4 * COLUMNS).add(l4);
                r4 = FloatVector.fromArray(FLOATS, tiles, at + 4 * COLUMNS + LANES).add(r4);
                l5 = FloatVector.fromArray(FLOATS, tiles, at + 5 * COLUMNS).add(l5);
                r5 = FloatVector.fromArray(FLOATS, tiles, at + 5 * COLUMNS + LANES).add(r5);
            }
        }
        l0.intoArray(tiles, into);
        r0.intoArray(tiles, into + LANES);
        l1.intoArray(tiles, into + COLUMNS);
        r1.intoArray(tiles, into + COLUMNS + LANES);
        l2.intoArray(tiles, into + 2 * COLUMNS);
        r2.intoArray(tiles, into + 2 * COLUMNS + LANES);
        l3.intoArray(tiles, into + 3 * COLUMNS);
        r3.intoArray(tiles, into + 3 * COLUMNS + LANES);
        l4.intoArray(tiles, into + 4 * COLUMNS);
        r4.intoArray(tiles, into + 4 * COLUMNS + LANES);
        l5.intoArray(tiles, into + 5 * COLUMNS);
        r5.intoArray(tiles, into + 5 * COLUMNS + LANES);
    }

    private static void rows12(float[] a, int fromA, MemorySegment b, long fromB, int length, float[] tiles, int merge, int into) {
        FloatVector l0 = FloatVector.zero(FLOATS), r0 = FloatVector.zero(FLOATS);
        FloatVector l1 = FloatVector.zero(FLOATS), r1 = FloatVector.zero(FLOATS);
        FloatVector l2 = FloatVector.zero(FLOATS), r2 = FloatVector.zero(FLOATS);
        FloatVector l3 = FloatVector.zero(FLOATS), r3 = FloatVector.zero(FLOATS);
        FloatVector l4 = FloatVector.zero(FLOATS), r4 = FloatVector.zero(FLOATS);
        FloatVector l5 = FloatVector.zero(FLOATS), r5 = FloatVector.zero(FLOATS);
        FloatVector l6 = FloatVector.zero(FLOATS), r6 = FloatVector.zero(FLOATS);
        FloatVector l7 = FloatVector.zero(FLOATS), r7 = FloatVector.zero(FLOATS);
        FloatVector l8 = FloatVector.zero(FLOATS), r8 = FloatVector.zero(FLOATS);
        FloatVector l9 = FloatVector.zero(FLOATS), r9 = FloatVector.zero(FLOATS);
        FloatVector l10 = FloatVector.zero(FLOATS), r10 = FloatVector.zero(FLOATS);
        FloatVector l11 = FloatVector.zero(FLOATS), r11 = FloatVector.zero(FLOATS);
        for (int k = 0; k < length; k++) {
            int atA = fromA + k;
            long atB = fromB + k * PANEL_BYTES;
            FloatVector left = FloatVector.fromMemorySegment(FLOATS, b, atB, LITTLE_ENDIAN);
            FloatVector right = FloatVector.fromMemorySegment(FLOATS, b, atB + VECTOR_BYTES, LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[atA]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[atA + ROW]);
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[atA + 2 * ROW]);
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[atA + 3 * ROW]);
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a[atA + 4 * ROW]);
            l4 = a4.fma(left, l4);
            r4 = a4.fma(right, r4);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a[atA + 5 * ROW]);
            l5 = a5.fma(left, l5);
            r5 = a5.fma(right, r5);
            FloatVector a6 = FloatVector.broadcast(FLOATS, a[atA + 6 * ROW]);
            l6 = a6.fma(left, l6);
            r6 = a6.fma(right, r6);
            FloatVector a7 = FloatVector.broadcast(FLOATS, a[atA + 7 * ROW]);
            l7 = a7.fma(left, l7);
            r7 = a7.fma(right, r7);
            FloatVector a8 = FloatVector.broadcast(FLOATS, a[atA + 8 * ROW]);
            l8 = a8.fma(left, l8);
            r8 = a8.fma(right, r8);
            FloatVector a9 = FloatVector.broadcast(FLOATS, a[atA + 9 * ROW]);
            l9 = a9.fma(left, l9);
            r9 = a9.fma(right, r9);
            FloatVector a10 = FloatVector.broadcast(FLOATS, a[atA + 10 * ROW]);
            l10 = a10.fma(left, l10);
            r10 = a10.fma(right, r10);
            FloatVector a11 = FloatVector.broadcast(FLOATS, a[atA + 11 * ROW]);
            l11 = a11.fma(left, l11);
            r11 = a11.fma(right, r11);
        }
        for (int level = 0; merge >>> level != 0; level++) {     // small nodes first: the sum so far is always the right child
            if ((merge >>> level & 1) != 0) {
                int at = level * Tile.SIZE;
                l0 = FloatVector.fromArray(FLOATS, tiles, at).add(l0);
                r0 = FloatVector.fromArray(FLOATS, tiles, at + LANES).add(r0);
                l1 = FloatVector.fromArray(FLOATS, tiles, at + COLUMNS).add(l1);
                r1 = FloatVector.fromArray(FLOATS, tiles, at + COLUMNS + LANES).add(r1);
                l2 = FloatVector.fromArray(FLOATS, tiles, at + 2 * COLUMNS).add(l2);
                r2 = FloatVector.fromArray(FLOATS, tiles, at + 2 * COLUMNS + LANES).add(r2);
                l3 = FloatVector.fromArray(FLOATS, tiles, at + 3 * COLUMNS).add(l3);
                r3 = FloatVector.fromArray(FLOATS, tiles, at + 3 * COLUMNS + LANES).add(r3);
                l4 = FloatVector.fromArray(FLOATS, tiles, at + 4 * COLUMNS).add(l4);
                r4 = FloatVector.fromArray(FLOATS, tiles, at + 4 * COLUMNS + LANES).add(r4);
                l5 = FloatVector.fromArray(FLOATS, tiles, at + 5 * COLUMNS).add(l5);
                r5 = FloatVector.fromArray(FLOATS, tiles, at + 5 * COLUMNS + LANES).add(r5);
                l6 = FloatVector.fromArray(FLOATS, tiles, at + 6 * COLUMNS).add(l6);
                r6 = FloatVector.fromArray(FLOATS, tiles, at + 6 * COLUMNS + LANES).add(r6);
                l7 = FloatVector.fromArray(FLOATS, tiles, at + 7 * COLUMNS).add(l7);
                r7 = FloatVector.fromArray(FLOATS, tiles, at + 7 * COLUMNS + LANES).add(r7);
                l8 = FloatVector.fromArray(FLOATS, tiles, at + 8 * COLUMNS).add(l8);
                r8 = FloatVector.fromArray(FLOATS, tiles, at + 8 * COLUMNS + LANES).add(r8);
                l9 = FloatVector.fromArray(FLOATS, tiles, at + 9 * COLUMNS).add(l9);
                r9 = FloatVector.fromArray(FLOATS, tiles, at + 9 * COLUMNS + LANES).add(r9);
                l10 = FloatVector.fromArray(FLOATS, tiles, at + 10 * COLUMNS).add(l10);
                r10 = FloatVector.fromArray(FLOATS, tiles, at + 10 * COLUMNS + LANES).add(r10);
                l11 = FloatVector.fromArray(FLOATS, tiles, at + 11 * COLUMNS).add(l11);
                r11 = FloatVector.fromArray(FLOATS, tiles, at + 11 * COLUMNS + LANES).add(r11);
            }
        }
        l0.intoArray(tiles, into);
        r0.intoArray(tiles, into + LANES);
        l1.intoArray(tiles, into + COLUMNS);
        r1.intoArray(tiles, into + COLUMNS + LANES);
        l2.intoArray(tiles, into + 2 * COLUMNS);
        r2.intoArray(tiles, into + 2 * COLUMNS + LANES);
        l3.intoArray(tiles, into + 3 * COLUMNS);
        r3.intoArray(tiles, into + 3 * COLUMNS + LANES);
        l4.intoArray(tiles, into + 4 * COLUMNS);
        r4.intoArray(tiles, into + 4 * COLUMNS + LANES);
        l5.intoArray(tiles, into + 5 * COLUMNS);
        r5.intoArray(tiles, into + 5 * COLUMNS + LANES);
        l6.intoArray(tiles, into + 6 * COLUMNS);
        r6.intoArray(tiles, into + 6 * COLUMNS + LANES);
        l7.intoArray(tiles, into + 7 * COLUMNS);
        r7.intoArray(tiles, into + 7 * COLUMNS + LANES);
        l8.intoArray(tiles, into + 8 * COLUMNS);
        r8.intoArray(tiles, into + 8 * COLUMNS + LANES);
        l9.intoArray(tiles, into + 9 * COLUMNS);
        r9.intoArray(tiles, into + 9 * COLUMNS + LANES);
        l10.intoArray(tiles, into + 10 * COLUMNS);
        r10.intoArray(tiles, into + 10 * COLUMNS + LANES);
        l11.intoArray(tiles, into + 11 * COLUMNS);
        r11.intoArray(tiles, into + 11 * COLUMNS + LANES);
    }
}
