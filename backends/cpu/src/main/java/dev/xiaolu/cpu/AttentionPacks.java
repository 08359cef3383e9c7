package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_BYTES;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Brings rows of heads into the layouts that [AttentionTiles] reads, and results back. Positions in segments are bytes, those in arrays floats.
final class AttentionPacks {
    private AttentionPacks() {}

    /// Copies `dim` floats into a row of `columns` in the array and fills it up with zeros.
    static void packLoop(MemorySegment from, long at, int dim, float[] h, int row, int columns) {
        int whole = dim & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromMemorySegment(FLOATS, from, at + 4L * i, LITTLE_ENDIAN).intoArray(h, row + i);
        }
        for (int i = whole; i < dim; i++) {
            h[row + i] = one(from, at + 4L * i);
        }
        for (int i = dim; i < columns; i++) {
            h[row + i] = 0;
        }
    }

    /// Copies `dim` floats into a row of `columns` in a segment and fills it up with zeros.
    static void packLoop(MemorySegment from, long at, int dim, MemorySegment to, long row, int columns) {
        int whole = dim & -LANES;
        for (long i = 0; i < 4L * whole; i += 4 * LANES) {
            FloatVector.fromMemorySegment(FLOATS, from, at + i, LITTLE_ENDIAN).intoMemorySegment(to, row + i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < dim; i++) {
            set(to, row + 4L * i, one(from, at + 4L * i));
        }
        for (int i = dim; i < columns; i++) {
            set(to, row + 4L * i, 0);
        }
    }

    /// Copies `dim` floats out of the array, each multiplied by `factor`.
    static void unpackLoop(float[] h, int row, float factor, int dim, MemorySegment to, long at) {
        int whole = dim & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromArray(FLOATS, h, row + i).mul(factor).intoMemorySegment(to, at + 4L * i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < dim; i++) {
            set(to, at + 4L * i, h[row + i] * factor);
        }
    }

    /// Turns the keys `from` to `to` of a leaf, `dim` floats each from byte `at` at `stride` bytes, into columns of rows over keys from byte `turned` on.
    static void turn(MemorySegment keys, long at, long stride, int from, int to, int dim, MemorySegment s, long turned) {
        int whole = dim & -LANES;
        for (int key = from; key <= to; key += LANES) {
            int after = Math.min(key + LANES, ATTENTION_LEAF);   // a square ends with the leaf: the last one may turn some keys twice
            int start = after - LANES;
            Transpose.squares(keys, at + start * stride, stride, to - start, whole / LANES, s, turned + 4L * start, LEAF_BYTES);
        }
        for (int key = from; key <= to; key++) {
            for (int c = whole; c < dim; c++) {
                set(s, turned + c * LEAF_BYTES + 4L * key, one(keys, at + key * stride + 4L * c));
            }
        }
    }
}
