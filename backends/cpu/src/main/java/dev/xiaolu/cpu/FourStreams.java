package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.op.Numerics;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// One token of four streams, whose hidden size is a multiple of 32: what [HyperStreamKernels] does for any number of them, with everything that a column needs in registers, so that each element is read once or twice.
///
/// Vectors call nothing but their own methods, and none leaves the method it is made in.
final class FourStreams {
    static final int STREAMS = 4;
    private static final long STEP = 4L * Vectors.LANES;
    /// Bytes from a column to the next that falls in the same lanes.
    private static final long STRIDE = 4L * Numerics.LANES;

    private FourStreams() {}

    static boolean fits(int streams, long hidden) {
        return streams == STREAMS && hidden % Numerics.LANES == 0;
    }

    /// `out_k = post_k · y + Σ_j comb_jk · x_j`; streams lie `step` bytes apart.
    static void mixLoop(MemorySegment x, long atX, long step, MemorySegment y, long atY, float[] post, float[] comb, MemorySegment out, long atOut, long hidden) {
        for (int k = 0; k < STREAMS; k++) {
            FloatVector first = FloatVector.broadcast(FLOATS, post[k]);
            FloatVector w0 = FloatVector.broadcast(FLOATS, comb[k]);
            FloatVector w1 = FloatVector.broadcast(FLOATS, comb[4 + k]);
            FloatVector w2 = FloatVector.broadcast(FLOATS, comb[8 + k]);
            FloatVector w3 = FloatVector.broadcast(FLOATS, comb[12 + k]);
            long into = atOut + 4 * k * hidden;
            for (long c = 0; c < 4 * hidden; c += STEP) {
                FloatVector sum = FloatVector.fromMemorySegment(FLOATS, y, atY + c, LITTLE_ENDIAN).mul(first);
                sum = w0.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + c, LITTLE_ENDIAN), sum);
                sum = w1.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + step + c, LITTLE_ENDIAN), sum);
                sum = w2.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + 2 * step + c, LITTLE_ENDIAN), sum);
                sum = w3.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + 3 * step + c, LITTLE_ENDIAN), sum);
                sum.intoMemorySegment(out, into + c, LITTLE_ENDIAN);
            }
        }
    }

    /// `out = Σ_j weights_(from + j) · x_j`, the chain beginning at +0.
    static void chainLoop(MemorySegment x, long atX, long step, float[] weights, int from, MemorySegment out, long atOut, long hidden) {
        FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from]);
        FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + 1]);
        FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2]);
        FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3]);
        FloatVector zero = FloatVector.zero(FLOATS);
        for (long c = 0; c < 4 * hidden; c += STEP) {
            FloatVector sum = w0.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + c, LITTLE_ENDIAN), zero);
            sum = w1.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + step + c, LITTLE_ENDIAN), sum);
            sum = w2.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + 2 * step + c, LITTLE_ENDIAN), sum);
            sum = w3.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + 3 * step + c, LITTLE_ENDIAN), sum);
            sum.intoMemorySegment(out, atOut + c, LITTLE_ENDIAN);
        }
    }

    /// The lanes of `Σ a · x_j` for four rows `x_j`, `[4, 32]` from `into` on.
    static void productLoop(MemorySegment a, long atA, MemorySegment x, long atX, long step, long hidden, float[] sums, int into) {
        for (int lane = 0; lane < Numerics.LANES; lane += Vectors.LANES) {
            FloatVector s0 = FloatVector.zero(FLOATS);
            FloatVector s1 = s0;
            FloatVector s2 = s0;
            FloatVector s3 = s0;
            for (long c = 4L * lane; c < 4 * hidden; c += STRIDE) {
                FloatVector v = FloatVector.fromMemorySegment(FLOATS, a, atA + c, LITTLE_ENDIAN);
                s0 = v.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + c, LITTLE_ENDIAN), s0);
                s1 = v.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + step + c, LITTLE_ENDIAN), s1);
                s2 = v.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + 2 * step + c, LITTLE_ENDIAN), s2);
                s3 = v.fma(FloatVector.fromMemorySegment(FLOATS, x, atX + 3 * step + c, LITTLE_ENDIAN), s3);
            }
            s0.intoArray(sums, into + lane);
            s1.intoArray(sums, into + Numerics.LANES + lane);
            s2.intoArray(sums, into + 2 * Numerics.LANES + lane);
            s3.intoArray(sums, into + 3 * Numerics.LANES + lane);
        }
    }

    /// Halves the lanes of `count` sums, `[count, 32]`, in place; sum `i` is left at `32 · i`.
    static void halve(float[] sums, int count) {
        for (int at = 0; at < count * Numerics.LANES; at += Numerics.LANES) {
            sums[at] = Halving.halve(sums, at);
        }
    }
}
