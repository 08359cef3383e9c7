package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/// Transposes squares of floats as wide as a vector, in registers.
///
/// Halving: two rows `s` apart exchange the blocks of `s` lanes that lie off the diagonal, for `s` = LANES/2 down to 1.
final class Transpose {
    static final VectorShuffle<Float> UP_1 = rotation(-1);
    static final VectorShuffle<Float> DOWN_1 = rotation(1);
    static final VectorMask<Float> ODD_1 = odd(1);
    static final VectorShuffle<Float> UP_2 = rotation(-2);
    static final VectorShuffle<Float> DOWN_2 = rotation(2);
    static final VectorMask<Float> ODD_2 = odd(2);
    static final VectorShuffle<Float> UP_4 = rotation(-4);
    static final VectorShuffle<Float> DOWN_4 = rotation(4);
    static final VectorMask<Float> ODD_4 = odd(4);
    static final VectorShuffle<Float> UP_8 = rotation(-8);
    static final VectorShuffle<Float> DOWN_8 = rotation(8);
    static final VectorMask<Float> ODD_8 = odd(8);
    private static final long WIDTH = 4L * LANES;

    private Transpose() {}

    /// Reads `LANES` rows of `count * LANES` floats and writes them as columns, one square after the other.
    ///
    /// @param start  byte offset in `from` of the first row; the next ones follow at `stride` bytes
    /// @param last   index of the last row that exists; rows behind it repeat it
    /// @param into   byte offset in `to` of the first column; the next ones follow at `step` bytes and are written in this order
    static void squares(MemorySegment from, long start, long stride, int last, int count, MemorySegment to, long into, long step) {
        if (MachineCode.available()) {
            PackCode.squares(from.address() + start, stride, last, count, to.address() + into, step);
            return;
        }
        switch (LANES) {
            case 16 -> sixteen(from, start, stride, last, count, to, into, step);
            case 8 -> eight(from, start, stride, last, count, to, into, step);
            default -> four(from, start, stride, last, count, to, into, step);
        }
    }

    /// Lane `i` takes lane `i + by`, around the end.
    private static VectorShuffle<Float> rotation(int by) {
        return VectorShuffle.fromOp(FLOATS, lane -> lane + by & LANES - 1);
    }

    /// The lanes whose index has the bit `s`.
    private static VectorMask<Float> odd(int s) {
        long bits = 0;
        for (int lane = 0; lane < LANES; lane++) {
            bits |= (lane & s) != 0 ? 1L << lane : 0;
        }
        return VectorMask.fromLong(FLOATS, bits);
    }

    private static void four(MemorySegment from, long start, long stride, int last, int count, MemorySegment to, long into, long step) {
        for (int square = 0; square < count; square++) {
            long at = start + square * WIDTH;
            long put = into + square * LANES * step;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, from, at, LITTLE_ENDIAN);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(1, last) * stride, LITTLE_ENDIAN);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(2, last) * stride, LITTLE_ENDIAN);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(3, last) * stride, LITTLE_ENDIAN);
            FloatVector b0 = a0.blend(a2.rearrange(UP_2), ODD_2);
            FloatVector b2 = a0.rearrange(DOWN_2).blend(a2, ODD_2);
            FloatVector b1 = a1.blend(a3.rearrange(UP_2), ODD_2);
            FloatVector b3 = a1.rearrange(DOWN_2).blend(a3, ODD_2);
            FloatVector c0 = b0.blend(b1.rearrange(UP_1), ODD_1);
            FloatVector c1 = b0.rearrange(DOWN_1).blend(b1, ODD_1);
            FloatVector c2 = b2.blend(b3.rearrange(UP_1), ODD_1);
            FloatVector c3 = b2.rearrange(DOWN_1).blend(b3, ODD_1);
            c0.intoMemorySegment(to, put, LITTLE_ENDIAN);
            c1.intoMemorySegment(to, put + step, LITTLE_ENDIAN);
            c2.intoMemorySegment(to, put + 2 * step, LITTLE_ENDIAN);
            c3.intoMemorySegment(to, put + 3 * step, LITTLE_ENDIAN);
        }
    }

    private static void eight(MemorySegment from, long start, long stride, int last, int count, MemorySegment to, long into, long step) {
        for (int square = 0; square < count; square++) {
            long at = start + square * WIDTH;
            long put = into + square * LANES * step;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, from, at, LITTLE_ENDIAN);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(1, last) * stride, LITTLE_ENDIAN);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(2, last) * stride, LITTLE_ENDIAN);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(3, last) * stride, LITTLE_ENDIAN);
            FloatVector a4 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(4, last) * stride, LITTLE_ENDIAN);
            FloatVector a5 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(5, last) * stride, LITTLE_ENDIAN);
            FloatVector a6 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(6, last) * stride, LITTLE_ENDIAN);
            FloatVector a7 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(7, last) * stride, LITTLE_ENDIAN);
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
            d0.intoMemorySegment(to, put, LITTLE_ENDIAN);
            d1.intoMemorySegment(to, put + step, LITTLE_ENDIAN);
            d2.intoMemorySegment(to, put + 2 * step, LITTLE_ENDIAN);
            d3.intoMemorySegment(to, put + 3 * step, LITTLE_ENDIAN);
            d4.intoMemorySegment(to, put + 4 * step, LITTLE_ENDIAN);
            d5.intoMemorySegment(to, put + 5 * step, LITTLE_ENDIAN);
            d6.intoMemorySegment(to, put + 6 * step, LITTLE_ENDIAN);
            d7.intoMemorySegment(to, put + 7 * step, LITTLE_ENDIAN);
        }
    }

    private static void sixteen(MemorySegment from, long start, long stride, int last, int count, MemorySegment to, long into, long step) {
        for (int square = 0; square < count; square++) {
            long at = start + square * WIDTH;
            long put = into + square * LANES * step;
            FloatVector a0 = FloatVector.fromMemorySegment(FLOATS, from, at, LITTLE_ENDIAN);
            FloatVector a1 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(1, last) * stride, LITTLE_ENDIAN);
            FloatVector a2 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(2, last) * stride, LITTLE_ENDIAN);
            FloatVector a3 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(3, last) * stride, LITTLE_ENDIAN);
            FloatVector a4 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(4, last) * stride, LITTLE_ENDIAN);
            FloatVector a5 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(5, last) * stride, LITTLE_ENDIAN);
            FloatVector a6 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(6, last) * stride, LITTLE_ENDIAN);
            FloatVector a7 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(7, last) * stride, LITTLE_ENDIAN);
            FloatVector a8 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(8, last) * stride, LITTLE_ENDIAN);
            FloatVector a9 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(9, last) * stride, LITTLE_ENDIAN);
            FloatVector a10 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(10, last) * stride, LITTLE_ENDIAN);
            FloatVector a11 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(11, last) * stride, LITTLE_ENDIAN);
            FloatVector a12 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(12, last) * stride, LITTLE_ENDIAN);
            FloatVector a13 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(13, last) * stride, LITTLE_ENDIAN);
            FloatVector a14 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(14, last) * stride, LITTLE_ENDIAN);
            FloatVector a15 = FloatVector.fromMemorySegment(FLOATS, from, at + Math.min(15, last) * stride, LITTLE_ENDIAN);
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
            e0.intoMemorySegment(to, put, LITTLE_ENDIAN);
            e1.intoMemorySegment(to, put + step, LITTLE_ENDIAN);
            e2.intoMemorySegment(to, put + 2 * step, LITTLE_ENDIAN);
            e3.intoMemorySegment(to, put + 3 * step, LITTLE_ENDIAN);
            e4.intoMemorySegment(to, put + 4 * step, LITTLE_ENDIAN);
            e5.intoMemorySegment(to, put + 5 * step, LITTLE_ENDIAN);
            e6.intoMemorySegment(to, put + 6 * step, LITTLE_ENDIAN);
            e7.intoMemorySegment(to, put + 7 * step, LITTLE_ENDIAN);
            e8.intoMemorySegment(to, put + 8 * step, LITTLE_ENDIAN);
            e9.intoMemorySegment(to, put + 9 * step, LITTLE_ENDIAN);
            e10.intoMemorySegment(to, put + 10 * step, LITTLE_ENDIAN);
            e11.intoMemorySegment(to, put + 11 * step, LITTLE_ENDIAN);
            e12.intoMemorySegment(to, put + 12 * step, LITTLE_ENDIAN);
            e13.intoMemorySegment(to, put + 13 * step, LITTLE_ENDIAN);
            e14.intoMemorySegment(to, put + 14 * step, LITTLE_ENDIAN);
            e15.intoMemorySegment(to, put + 15 * step, LITTLE_ENDIAN);
        }
    }
}
