package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// The small matrix products of attention: 8 rows of `a` against strips of `b`, every element one ascending chain of `fma`.
///
/// `a` and the results lie in the array `h`, where positions and distances count floats; `b` lies in a segment, where they count bytes.
/// Attention uses one shape of product three ways, told apart by the strides of `a`: scores (rows are queries, the chain runs over channels), weighted values (rows are queries, the chain
/// runs over keys) and gradients of keys (rows are keys, the chain runs over queries).
///
/// Nothing here allocates: accumulators are local variables, and the large bodies call the Vector API itself, because the compiler stops inlining ordinary methods into a body that has
/// grown large, and a vector that passes through a real call becomes an object. `a` and the results are arrays because that code is small enough for every tier of the compiler.
final class AttentionTiles {
    /// Rows of one product.
    static final int ROWS = 8;
    /// Columns of one product: columns are padded to a multiple of this.
    static final int STRIP = 2 * LANES;
    /// Floats from one row over the keys of a leaf to the next: 16 more than keys, so that vectors may be written past the end and rows do not meet in the same cache sets.
    static final int LEAF_ROW = ATTENTION_LEAF + 16;
    /// The same in bytes.
    static final long LEAF_BYTES = 4L * LEAF_ROW;

    private static final long VECTOR_BYTES = 4L * LANES;

    private AttentionTiles() {}

    /// This many channels padded to whole strips.
    static int padded(int channels) {
        return (channels + STRIP - 1) / STRIP * STRIP;
    }

    /// `c[8][columns] = start[8][columns] + a[8][count] · b[count][columns]`; `columns` is a multiple of [#STRIP], and `start` is the sums so far, or one row of zeros.
    static void product(float[] h, int atA, int rowA, int stepA, MemorySegment b, long atB, long stepB, int count, int start, int rowStart, int atC, int rowC, int columns) {
        if (MachineCode.available()) {
            StripCode.product(h, atA, rowA, stepA, b, atB, stepB, count, start, rowStart, atC, rowC, columns);
            return;
        }
        for (int column = 0; column < columns; column += STRIP) {
            if (LANES == 16) {
                product8(h, atA, rowA, stepA, b, atB + 4L * column, stepB, count, start + column, rowStart, atC + column, rowC);
            } else {                                             // 16 registers hold the accumulators of 4 rows
                product4(h, atA, rowA, stepA, b, atB + 4L * column, stepB, count, start + column, rowStart, atC + column, rowC);
                product4(h, atA + 4 * rowA, rowA, stepA, b, atB + 4L * column, stepB, count, start + 4 * rowStart + column, rowStart, atC + 4 * rowC + column, rowC);
            }
        }
    }

    private static void product8(float[] h, int atA, int rowA, int stepA, MemorySegment b, long atB, long stepB, int count, int start, int rowStart, int atC, int rowC) {
        FloatVector c00 = FloatVector.fromArray(FLOATS, h, start);
        FloatVector c01 = FloatVector.fromArray(FLOATS, h, start + LANES);
        FloatVector c10 = FloatVector.fromArray(FLOATS, h, start + rowStart);
        FloatVector c11 = FloatVector.fromArray(FLOATS, h, start + rowStart + LANES);
        FloatVector c20 = FloatVector.fromArray(FLOATS, h, start + 2 * rowStart);
        FloatVector c21 = FloatVector.fromArray(FLOATS, h, start + 2 * rowStart + LANES);
        FloatVector c30 = FloatVector.fromArray(FLOATS, h, start + 3 * rowStart);
        FloatVector c31 = FloatVector.fromArray(FLOATS, h, start + 3 * rowStart + LANES);
        FloatVector c40 = FloatVector.fromArray(FLOATS, h, start + 4 * rowStart);
        FloatVector c41 = FloatVector.fromArray(FLOATS, h, start + 4 * rowStart + LANES);
        FloatVector c50 = FloatVector.fromArray(FLOATS, h, start + 5 * rowStart);
        FloatVector c51 = FloatVector.fromArray(FLOATS, h, start + 5 * rowStart + LANES);
        FloatVector c60 = FloatVector.fromArray(FLOATS, h, start + 6 * rowStart);
        FloatVector c61 = FloatVector.fromArray(FLOATS, h, start + 6 * rowStart + LANES);
        FloatVector c70 = FloatVector.fromArray(FLOATS, h, start + 7 * rowStart);
        FloatVector c71 = FloatVector.fromArray(FLOATS, h, start + 7 * rowStart + LANES);
        for (int k = 0; k < count; k++) {
            int from = atA + k * stepA;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOATS, b, atB + k * stepB, LITTLE_ENDIAN);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOATS, b, atB + k * stepB + VECTOR_BYTES, LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(FLOATS, h[from]);
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            FloatVector a1 = FloatVector.broadcast(FLOATS, h[from + rowA]);
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            FloatVector a2 = FloatVector.broadcast(FLOATS, h[from + 2 * rowA]);
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            FloatVector a3 = FloatVector.broadcast(FLOATS, h[from + 3 * rowA]);
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
            FloatVector a4 = FloatVector.broadcast(FLOATS, h[from + 4 * rowA]);
            c40 = a4.fma(b0, c40);
            c41 = a4.fma(b1, c41);
            FloatVector a5 = FloatVector.broadcast(FLOATS, h[from + 5 * rowA]);
            c50 = a5.fma(b0, c50);
            c51 = a5.fma(b1, c51);
            FloatVector a6 = FloatVector.broadcast(FLOATS, h[from + 6 * rowA]);
            c60 = a6.fma(b0, c60);
            c61 = a6.fma(b1, c61);
            FloatVector a7 = FloatVector.broadcast(FLOATS, h[from + 7 * rowA]);
            c70 = a7.fma(b0, c70);
            c71 = a7.fma(b1, c71);
        }
        c00.intoArray(h, atC);
        c01.intoArray(h, atC + LANES);
        c10.intoArray(h, atC + rowC);
        c11.intoArray(h, atC + rowC + LANES);
        c20.intoArray(h, atC + 2 * rowC);
        c21.intoArray(h, atC + 2 * rowC + LANES);
        c30.intoArray(h, atC + 3 * rowC);
        c31.intoArray(h, atC + 3 * rowC + LANES);
        c40.intoArray(h, atC + 4 * rowC);
        c41.intoArray(h, atC + 4 * rowC + LANES);
        c50.intoArray(h, atC + 5 * rowC);
        c51.intoArray(h, atC + 5 * rowC + LANES);
        c60.intoArray(h, atC + 6 * rowC);
        c61.intoArray(h, atC + 6 * rowC + LANES);
        c70.intoArray(h, atC + 7 * rowC);
        c71.intoArray(h, atC + 7 * rowC + LANES);
    }

    private static void product4(float[] h, int atA, int rowA, int stepA, MemorySegment b, long atB, long stepB, int count, int start, int rowStart, int atC, int rowC) {
        FloatVector c00 = FloatVector.fromArray(FLOATS, h, start);
        FloatVector c01 = FloatVector.fromArray(FLOATS, h, start + LANES);
        FloatVector c10 = FloatVector.fromArray(FLOATS, h, start + rowStart);
        FloatVector c11 = FloatVector.fromArray(FLOATS, h, start + rowStart + LANES);
        FloatVector c20 = FloatVector.fromArray(FLOATS, h, start + 2 * rowStart);
        FloatVector c21 = FloatVector.fromArray(FLOATS, h, start + 2 * rowStart + LANES);
        FloatVector c30 = FloatVector.fromArray(FLOATS, h, start + 3 * rowStart);
        FloatVector c31 = FloatVector.fromArray(FLOATS, h, start + 3 * rowStart + LANES);
        for (int k = 0; k < count; k++) {
            int from = atA + k * stepA;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOATS, b, atB + k * stepB, LITTLE_ENDIAN);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOATS, b, atB + k * stepB + VECTOR_BYTES, LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(FLOATS, h[from]);
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            FloatVector a1 = FloatVector.broadcast(FLOATS, h[from + rowA]);
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            FloatVector a2 = FloatVector.broadcast(FLOATS, h[from + 2 * rowA]);
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            FloatVector a3 = FloatVector.broadcast(FLOATS, h[from + 3 * rowA]);
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
        }
        c00.intoArray(h, atC);
        c01.intoArray(h, atC + LANES);
        c10.intoArray(h, atC + rowC);
        c11.intoArray(h, atC + rowC + LANES);
        c20.intoArray(h, atC + 2 * rowC);
        c21.intoArray(h, atC + 2 * rowC + LANES);
        c30.intoArray(h, atC + 3 * rowC);
        c31.intoArray(h, atC + 3 * rowC + LANES);
    }

    /// `c[columns] += a[count] · b[count][columns]` for one row; `columns` is a multiple of the vector length.
    static void rowProductLoop(float[] h, int atA, int stepA, MemorySegment b, long atB, long stepB, int count, int atC, int columns) {
        int column = 0;
        for (; column + 4 * LANES <= columns; column += 4 * LANES) {
            rowProduct4(h, atA, stepA, b, atB + 4L * column, stepB, count, atC + column);
        }
        for (; column < columns; column += LANES) {
            FloatVector sum = FloatVector.fromArray(FLOATS, h, atC + column);
            for (int k = 0; k < count; k++) {
                FloatVector weight = FloatVector.broadcast(FLOATS, h[atA + k * stepA]);
                sum = weight.fma(FloatVector.fromMemorySegment(FLOATS, b, atB + 4L * column + k * stepB, LITTLE_ENDIAN), sum);
            }
            sum.intoArray(h, atC + column);
        }
    }

    private static void rowProduct4(float[] h, int atA, int stepA, MemorySegment b, long atB, long stepB, int count, int atC) {
        FloatVector c0 = FloatVector.fromArray(FLOATS, h, atC);
        FloatVector c1 = FloatVector.fromArray(FLOATS, h, atC + LANES);
        FloatVector c2 = FloatVector.fromArray(FLOATS, h, atC + 2 * LANES);
        FloatVector c3 = FloatVector.fromArray(FLOATS, h, atC + 3 * LANES);
        for (int k = 0; k < count; k++) {
            FloatVector weight = FloatVector.broadcast(FLOATS, h[atA + k * stepA]);
            long from = atB + k * stepB;
            c0 = weight.fma(FloatVector.fromMemorySegment(FLOATS, b, from, LITTLE_ENDIAN), c0);
            c1 = weight.fma(FloatVector.fromMemorySegment(FLOATS, b, from + VECTOR_BYTES, LITTLE_ENDIAN), c1);
            c2 = weight.fma(FloatVector.fromMemorySegment(FLOATS, b, from + 2 * VECTOR_BYTES, LITTLE_ENDIAN), c2);
            c3 = weight.fma(FloatVector.fromMemorySegment(FLOATS, b, from + 3 * VECTOR_BYTES, LITTLE_ENDIAN), c3);
        }
        c0.intoArray(h, atC);
        c1.intoArray(h, atC + LANES);
        c2.intoArray(h, atC + 2 * LANES);
        c3.intoArray(h, atC + 3 * LANES);
    }

    /// `c[8][columns] = a[8][dim] · b[dim][columns]` as dot products over `dim`: leaves of 256, then the balanced tree, whose right sides wait in `spare`; `zeros` is a row of zeros.
    /// Rows of `b` and `c` are rows over keys.
    static void dots(float[] h, int atA, int rowA, MemorySegment b, long atB, int dim, int zeros, int atC, int columns, int spare) {
        if (dim <= LEAF) {
            product(h, atA, rowA, 1, b, atB, LEAF_BYTES, dim, zeros, 0, atC, LEAF_ROW, columns);
            return;
        }
        int left = leftOf(dim);
        dots(h, atA, rowA, b, atB, left, zeros, atC, columns, spare);
        dots(h, atA + left, rowA, b, atB + left * LEAF_BYTES, dim - left, zeros, spare, columns, spare + ROWS * LEAF_ROW);
        for (int row = 0; row < ROWS; row++) {
            AttentionRows.addLoop(h, spare + row * LEAF_ROW, atC + row * LEAF_ROW, columns);
        }
    }

    /// Floats of `spare` that [#dots] needs for this `dim`.
    static int spare(int dim) {
        int levels = 0;
        for (int rest = dim; rest > LEAF; rest = leftOf(rest)) {
            levels++;
        }
        return (levels + 1) * ROWS * LEAF_ROW;
    }

    /// Dot products over `dim` of one row of `a` with `count` rows of `b`, adjacent in `c`: eight chains at a time, so that none waits for itself.
    static void dotsOfRow(float[] h, int atA, MemorySegment b, long atB, long rowB, int count, int dim, int atC) {
        int row = 0;
        for (; dim <= LEAF && row + 8 <= count; row += 8) {
            float s0 = 0;
            float s1 = 0;
            float s2 = 0;
            float s3 = 0;
            float s4 = 0;
            float s5 = 0;
            float s6 = 0;
            float s7 = 0;
            for (int i = 0; i < dim; i++) {
                float x = h[atA + i];
                long from = atB + row * rowB + 4L * i;
                s0 = Math.fma(x, one(b, from), s0);
                s1 = Math.fma(x, one(b, from + rowB), s1);
                s2 = Math.fma(x, one(b, from + 2 * rowB), s2);
                s3 = Math.fma(x, one(b, from + 3 * rowB), s3);
                s4 = Math.fma(x, one(b, from + 4 * rowB), s4);
                s5 = Math.fma(x, one(b, from + 5 * rowB), s5);
                s6 = Math.fma(x, one(b, from + 6 * rowB), s6);
                s7 = Math.fma(x, one(b, from + 7 * rowB), s7);
            }
            h[atC + row] = s0;
            h[atC + row + 1] = s1;
            h[atC + row + 2] = s2;
            h[atC + row + 3] = s3;
            h[atC + row + 4] = s4;
            h[atC + row + 5] = s5;
            h[atC + row + 6] = s6;
            h[atC + row + 7] = s7;
        }
        for (; row < count; row++) {
            h[atC + row] = dot(h, atA, b, atB + row * rowB, dim);
        }
    }

    /// Dot products over `dim` of `count` rows of `a` with the rows of `b` beside them, adjacent in `c`: four chains at a time.
    static void dotsOfPairs(MemorySegment a, long atA, long rowA, MemorySegment b, long atB, long rowB, int count, int dim, float[] c, int atC) {
        int row = 0;
        for (; dim <= LEAF && row + 4 <= count; row += 4) {
            float s0 = 0;
            float s1 = 0;
            float s2 = 0;
            float s3 = 0;
            for (int i = 0; i < dim; i++) {
                long ofA = atA + row * rowA + 4L * i;
                long ofB = atB + row * rowB + 4L * i;
                s0 = Math.fma(one(a, ofA), one(b, ofB), s0);
                s1 = Math.fma(one(a, ofA + rowA), one(b, ofB + rowB), s1);
                s2 = Math.fma(one(a, ofA + 2 * rowA), one(b, ofB + 2 * rowB), s2);
                s3 = Math.fma(one(a, ofA + 3 * rowA), one(b, ofB + 3 * rowB), s3);
            }
            c[atC + row] = s0;
            c[atC + row + 1] = s1;
            c[atC + row + 2] = s2;
            c[atC + row + 3] = s3;
        }
        for (; row < count; row++) {
            c[atC + row] = dot(a, atA + row * rowA, b, atB + row * rowB, dim);
        }
    }

    private static float dot(MemorySegment a, long atA, MemorySegment b, long atB, int dim) {
        if (dim > LEAF) {
            int left = leftOf(dim);
            return dot(a, atA, b, atB, left) + dot(a, atA + 4L * left, b, atB + 4L * left, dim - left);
        }
        float sum = 0;
        for (int i = 0; i < dim; i++) {
            sum = Math.fma(one(a, atA + 4L * i), one(b, atB + 4L * i), sum);
        }
        return sum;
    }

    /// One dot product over `dim`: leaves of 256, then the balanced tree.
    private static float dot(float[] h, int atA, MemorySegment b, long atB, int dim) {
        if (dim > LEAF) {
            int left = leftOf(dim);
            return dot(h, atA, b, atB, left) + dot(h, atA + left, b, atB + 4L * left, dim - left);
        }
        float sum = 0;
        for (int i = 0; i < dim; i++) {
            sum = Math.fma(h[atA + i], one(b, atB + 4L * i), sum);
        }
        return sum;
    }

    /// How many of the summed elements lie under the left child of the tree's root.
    private static int leftOf(int dim) {
        return LEAF * Integer.highestOneBit((dim - 1) / LEAF);
    }

    static float one(MemorySegment from, long at) {
        return from.get(JAVA_FLOAT_UNALIGNED, at);
    }

    static void set(MemorySegment to, long at, float value) {
        to.set(JAVA_FLOAT_UNALIGNED, at, value);
    }
}
