package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Transpose.DOWN_1;
import static dev.xiaolu.cpu.Transpose.DOWN_2;
import static dev.xiaolu.cpu.Transpose.DOWN_4;
import static dev.xiaolu.cpu.Transpose.DOWN_8;
import static dev.xiaolu.cpu.Transpose.ODD_1;
import static dev.xiaolu.cpu.Transpose.ODD_2;
import static dev.xiaolu.cpu.Transpose.ODD_4;
import static dev.xiaolu.cpu.Transpose.ODD_8;
import static dev.xiaolu.cpu.Transpose.UP_1;
import static dev.xiaolu.cpu.Transpose.UP_2;
import static dev.xiaolu.cpu.Transpose.UP_4;
import static dev.xiaolu.cpu.Transpose.UP_8;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// One leaf of one row of `a` with as many rows of `b` as a vector has lanes: what decoding does most of the time.
///
/// Each output is a chain of `fma` in its own lane, so squares of `b` are turned in registers and never stored: the speed is that of reading `b`.
final class RowKernel {
    private static final long WIDTH = 4L * LANES;

    private RowKernel() {}

    /// Multiplies `length` steps and stores `LANES` sums.
    ///
    /// @param start  byte offset in `b` of the first row; the next ones follow at `stride` bytes
    /// @param last   index of the last row that exists; sums behind it are those of this row
    /// @param a      the row, from index `from`
    static void leaf(MemorySegment b, long start, long stride, int last, int length, float[] a, int from, float[] sums, int into) {
        int count = length / LANES;
        switch (LANES) {
            case 16 -> sixteen(b, start, stride, last, count, a, from, sums, into);
            case 8 -> eight(b, start, stride, last, count, a, from, sums, into);
            default -> four(b, start, stride, last, count, a, from, sums, into);
        }
        for (int k = count * LANES; k < length; k++) {           // the chain goes on where the last square ended
            for (int lane = 0; lane <= last; lane++) {
                sums[into + lane] = Math.fma(b.get(JAVA_FLOAT, start + lane * stride + 4L * k), a[from + k], sums[into + lane]);
            }
        }
    }

    private static void four(MemorySegment b, long start, long stride, int last, int count, float[] a, int from, float[] sums, int into) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int square = 0; square < count; square++) {
            long at = start + square * WIDTH;
            int k = from + square * LANES;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, b, at, LITTLE_ENDIAN);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(1, last) * stride, LITTLE_ENDIAN);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(2, last) * stride, LITTLE_ENDIAN);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(3, last) * stride, LITTLE_ENDIAN);
            FloatVector b0 = a0.blend(a2.rearrange(UP_2), ODD_2);
            FloatVector b2 = a0.rearrange(DOWN_2).blend(a2, ODD_2);
            FloatVector b1 = a1.blend(a3.rearrange(UP_2), ODD_2);
            FloatVector b3 = a1.rearrange(DOWN_2).blend(a3, ODD_2);
            FloatVector c0 = b0.blend(b1.rearrange(UP_1), ODD_1);
            FloatVector c1 = b0.rearrange(DOWN_1).blend(b1, ODD_1);
            FloatVector c2 = b2.blend(b3.rearrange(UP_1), ODD_1);
            FloatVector c3 = b2.rearrange(DOWN_1).blend(b3, ODD_1);
            sum = c0.fma(FloatVector.broadcast(FLOATS, a[k]), sum);
            sum = c1.fma(FloatVector.broadcast(FLOATS, a[k + 1]), sum);
            sum = c2.fma(FloatVector.broadcast(FLOATS, a[k + 2]), sum);
            sum = c3.fma(FloatVector.broadcast(FLOATS, a[k + 3]), sum);
        }
        sum.intoArray(sums, into);
    }

    private static void eight(MemorySegment b, long start, long stride, int last, int count, float[] a, int from, float[] sums, int into) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int square = 0; square < count; square++) {
            long at = start + square * WIDTH;
            int k = from + square * LANES;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, b, at, LITTLE_ENDIAN);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(1, last) * stride, LITTLE_ENDIAN);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(2, last) * stride, LITTLE_ENDIAN);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(3, last) * stride, LITTLE_ENDIAN);
            FloatVector a4 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(4, last) * stride, LITTLE_ENDIAN);
            FloatVector a5 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(5, last) * stride, LITTLE_ENDIAN);
            FloatVector a6 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(6, last) * stride, LITTLE_ENDIAN);
            FloatVector a7 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(7, last) * stride, LITTLE_ENDIAN);
            FloatVector b0 = a0.blend(a4.rearrange(UP_4), ODD_4);
            FloatVector b4 = a0.rearrange(DOWN_4).blend(a4, ODD_4);
            FloatVector b1 = a1.blend(a5.rearrange(UP_4), ODD_4);
            FloatVector b5 = a1.rearrange(DOWN_4).blend(a5, ODD_4);
            FloatVector b2 = a2.blend(a6.rearrange(UP_4), ODD_4);
            FloatVector b6 = a2.rearrange(DOWN_4).blend(a6, ODD_4);
            FloatVector b3 = a3.blend(a7.rearrange(UP_4), ODD_4);
            FloatVector b7 = a3.rearrange(DOWN_4).blend(a7, ODD_4);
            FloatVector c0 = b0.blend(b2.rearrange(UP_2), ODD_2);
            FloatVector c2 = b0.rearrange(DOWN_2).blend(b2, ODD_2);
            FloatVector c1 = b1.blend(b3.rearrange(UP_2), ODD_2);
            FloatVector c3 = b1.rearrange(DOWN_2).blend(b3, ODD_2);
            FloatVector c4 = b4.blend(b6.rearrange(UP_2), ODD_2);
            FloatVector c6 = b4.rearrange(DOWN_2).blend(b6, ODD_2);
            FloatVector c5 = b5.blend(b7.rearrange(UP_2), ODD_2);
            FloatVector c7 = b5.rearrange(DOWN_2).blend(b7, ODD_2);
            FloatVector d0 = c0.blend(c1.rearrange(UP_1), ODD_1);
            FloatVector d1 = c0.rearrange(DOWN_1).blend(c1, ODD_1);
            FloatVector d2 = c2.blend(c3.rearrange(UP_1), ODD_1);
            FloatVector d3 = c2.rearrange(DOWN_1).blend(c3, ODD_1);
            FloatVector d4 = c4.blend(c5.rearrange(UP_1), ODD_1);
            FloatVector d5 = c4.rearrange(DOWN_1).blend(c5, ODD_1);
            FloatVector d6 = c6.blend(c7.rearrange(UP_1), ODD_1);
            FloatVector d7 = c6.rearrange(DOWN_1).blend(c7, ODD_1);
            sum = d0.fma(FloatVector.broadcast(FLOATS, a[k]), sum);
            sum = d1.fma(FloatVector.broadcast(FLOATS, a[k + 1]), sum);
            sum = d2.fma(FloatVector.broadcast(FLOATS, a[k + 2]), sum);
            sum = d3.fma(FloatVector.broadcast(FLOATS, a[k + 3]), sum);
            sum = d4.fma(FloatVector.broadcast(FLOATS, a[k + 4]), sum);
            sum = d5.fma(FloatVector.broadcast(FLOATS, a[k + 5]), sum);
            sum = d6.fma(FloatVector.broadcast(FLOATS, a[k + 6]), sum);
            sum = d7.fma(FloatVector.broadcast(FLOATS, a[k + 7]), sum);
        }
        sum.intoArray(sums, into);
    }

    private static void sixteen(MemorySegment b, long start, long stride, int last, int count, float[] a, int from, float[] sums, int into) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int square = 0; square < count; square++) {
            long at = start + square * WIDTH;
            int k = from + square * LANES;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, b, at, LITTLE_ENDIAN);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(1, last) * stride, LITTLE_ENDIAN);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(2, last) * stride, LITTLE_ENDIAN);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(3, last) * stride, LITTLE_ENDIAN);
            FloatVector a4 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(4, last) * stride, LITTLE_ENDIAN);
            FloatVector a5 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(5, last) * stride, LITTLE_ENDIAN);
            FloatVector a6 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(6, last) * stride, LITTLE_ENDIAN);
            FloatVector a7 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(7, last) * stride, LITTLE_ENDIAN);
            FloatVector a8 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(8, last) * stride, LITTLE_ENDIAN);
            FloatVector a9 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(9, last) * stride, LITTLE_ENDIAN);
            FloatVector a10 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(10, last) * stride, LITTLE_ENDIAN);
            FloatVector a11 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(11, last) * stride, LITTLE_ENDIAN);
            FloatVector a12 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(12, last) * stride, LITTLE_ENDIAN);
            FloatVector a13 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(13, last) * stride, LITTLE_ENDIAN);
            FloatVector a14 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(14, last) * stride, LITTLE_ENDIAN);
            FloatVector a15 = FloatVector.fromMemorySegment(FLOATS, b, at + Math.min(15, last) * stride, LITTLE_ENDIAN);
            FloatVector b0 = a0.blend(a8.rearrange(UP_8), ODD_8);
            FloatVector b8 = a0.rearrange(DOWN_8).blend(a8, ODD_8);
            FloatVector b1 = a1.blend(a9.rearrange(UP_8), ODD_8);
            FloatVector b9 = a1.rearrange(DOWN_8).blend(a9, ODD_8);
            FloatVector b2 = a2.blend(a10.rearrange(UP_8), ODD_8);
            FloatVector b10 = a2.rearrange(DOWN_8).blend(a10, ODD_8);
            FloatVector b3 = a3.blend(a11.rearrange(UP_8), ODD_8);
            FloatVector b11 = a3.rearrange(DOWN_8).blend(a11, ODD_8);
            FloatVector b4 = a4.blend(a12.rearrange(UP_8), ODD_8);
            FloatVector b12 = a4.rearrange(DOWN_8).blend(a12, ODD_8);
            FloatVector b5 = a5.blend(a13.rearrange(UP_8), ODD_8);
            FloatVector b13 = a5.rearrange(DOWN_8).blend(a13, ODD_8);
            FloatVector b6 = a6.blend(a14.rearrange(UP_8), ODD_8);
            FloatVector b14 = a6.rearrange(DOWN_8).blend(a14, ODD_8);
            FloatVector b7 = a7.blend(a15.rearrange(UP_8), ODD_8);
            FloatVector b15 = a7.rearrange(DOWN_8).blend(a15, ODD_8);
            FloatVector c0 = b0.blend(b4.rearrange(UP_4), ODD_4);
            FloatVector c4 = b0.rearrange(DOWN_4).blend(b4, ODD_4);
            FloatVector c1 = b1.blend(b5.rearrange(UP_4), ODD_4);
            FloatVector c5 = b1.rearrange(DOWN_4).blend(b5, ODD_4);
            FloatVector c2 = b2.blend(b6.rearrange(UP_4), ODD_4);
            FloatVector c6 = b2.rearrange(DOWN_4).blend(b6, ODD_4);
            FloatVector c3 = b3.blend(b7.rearrange(UP_4), ODD_4);
            FloatVector c7 = b3.rearrange(DOWN_4).blend(b7, ODD_4);
            FloatVector c8 = b8.blend(b12.rearrange(UP_4), ODD_4);
            FloatVector c12 = b8.rearrange(DOWN_4).blend(b12, ODD_4);
            FloatVector c9 = b9.blend(b13.rearrange(UP_4), ODD_4);
            FloatVector c13 = b9.rearrange(DOWN_4).blend(b13, ODD_4);
            FloatVector c10 = b10.blend(b14.rearrange(UP_4), ODD_4);
            FloatVector c14 = b10.rearrange(DOWN_4).blend(b14, ODD_4);
            FloatVector c11 = b11.blend(b15.rearrange(UP_4), ODD_4);
            FloatVector c15 = b11.rearrange(DOWN_4).blend(b15, ODD_4);
            FloatVector d0 = c0.blend(c2.rearrange(UP_2), ODD_2);
            FloatVector d2 = c0.rearrange(DOWN_2).blend(c2, ODD_2);
            FloatVector d1 = c1.blend(c3.rearrange(UP_2), ODD_2);
            FloatVector d3 = c1.rearrange(DOWN_2).blend(c3, ODD_2);
            FloatVector d4 = c4.blend(c6.rearrange(UP_2), ODD_2);
            FloatVector d6 = c4.rearrange(DOWN_2).blend(c6, ODD_2);
            FloatVector d5 = c5.blend(c7.rearrange(UP_2), ODD_2);
            FloatVector d7 = c5.rearrange(DOWN_2).blend(c7, ODD_2);
            FloatVector d8 = c8.blend(c10.rearrange(UP_2), ODD_2);
            FloatVector d10 = c8.rearrange(DOWN_2).blend(c10, ODD_2);
            FloatVector d9 = c9.blend(c11.rearrange(UP_2), ODD_2);
            FloatVector d11 = c9.rearrange(DOWN_2).blend(c11, ODD_2);
            FloatVector d12 = c12.blend(c14.rearrange(UP_2), ODD_2);
            FloatVector d14 = c12.rearrange(DOWN_2).blend(c14, ODD_2);
            FloatVector d13 = c13.blend(c15.rearrange(UP_2), ODD_2);
            FloatVector d15 = c13.rearrange(DOWN_2).blend(c15, ODD_2);
            FloatVector e0 = d0.blend(d1.rearrange(UP_1), ODD_1);
            FloatVector e1 = d0.rearrange(DOWN_1).blend(d1, ODD_1);
            FloatVector e2 = d2.blend(d3.rearrange(UP_1), ODD_1);
            FloatVector e3 = d2.rearrange(DOWN_1).blend(d3, ODD_1);
            FloatVector e4 = d4.blend(d5.rearrange(UP_1), ODD_1);
            FloatVector e5 = d4.rearrange(DOWN_1).blend(d5, ODD_1);
            FloatVector e6 = d6.blend(d7.rearrange(UP_1), ODD_1);
            FloatVector e7 = d6.rearrange(DOWN_1).blend(d7, ODD_1);
            FloatVector e8 = d8.blend(d9.rearrange(UP_1), ODD_1);
            FloatVector e9 = d8.rearrange(DOWN_1).blend(d9, ODD_1);
            FloatVector e10 = d10.blend(d11.rearrange(UP_1), ODD_1);
            FloatVector e11 = d10.rearrange(DOWN_1).blend(d11, ODD_1);
            FloatVector e12 = d12.blend(d13.rearrange(UP_1), ODD_1);
            FloatVector e13 = d12.rearrange(DOWN_1).blend(d13, ODD_1);
            FloatVector e14 = d14.blend(d15.rearrange(UP_1), ODD_1);
            FloatVector e15 = d14.rearrange(DOWN_1).blend(d15, ODD_1);
            sum = e0.fma(FloatVector.broadcast(FLOATS, a[k]), sum);
            sum = e1.fma(FloatVector.broadcast(FLOATS, a[k + 1]), sum);
            sum = e2.fma(FloatVector.broadcast(FLOATS, a[k + 2]), sum);
            sum = e3.fma(FloatVector.broadcast(FLOATS, a[k + 3]), sum);
            sum = e4.fma(FloatVector.broadcast(FLOATS, a[k + 4]), sum);
            sum = e5.fma(FloatVector.broadcast(FLOATS, a[k + 5]), sum);
            sum = e6.fma(FloatVector.broadcast(FLOATS, a[k + 6]), sum);
            sum = e7.fma(FloatVector.broadcast(FLOATS, a[k + 7]), sum);
            sum = e8.fma(FloatVector.broadcast(FLOATS, a[k + 8]), sum);
            sum = e9.fma(FloatVector.broadcast(FLOATS, a[k + 9]), sum);
            sum = e10.fma(FloatVector.broadcast(FLOATS, a[k + 10]), sum);
            sum = e11.fma(FloatVector.broadcast(FLOATS, a[k + 11]), sum);
            sum = e12.fma(FloatVector.broadcast(FLOATS, a[k + 12]), sum);
            sum = e13.fma(FloatVector.broadcast(FLOATS, a[k + 13]), sum);
            sum = e14.fma(FloatVector.broadcast(FLOATS, a[k + 14]), sum);
            sum = e15.fma(FloatVector.broadcast(FLOATS, a[k + 15]), sum);
        }
        sum.intoArray(sums, into);
    }
}
