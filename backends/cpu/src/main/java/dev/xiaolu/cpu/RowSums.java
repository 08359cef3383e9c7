package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.op.Numerics.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.tensor.Elementary;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Sums along a row in 32 lanes.
///
/// One pass over the row for each two vectors' worth of lanes: a row stays in the nearest cache,
/// each pass keeps two accumulators in registers, and the code is the same at every width.
/// Positions are bytes from the start of a segment; the caller lends the 32 floats in which lanes are spilled.
final class RowSums {
    /// Lanes of one pass.
    private static final int PASS = 2 * Vectors.LANES;
    /// Bytes from the first vector of a pass to the second.
    private static final long NEXT = 4L * Vectors.LANES;

    private RowSums() {}

    /// The sum of `x`.
    static float plainLoop(MemorySegment x, long at, long count, float[] lanes) {
        long whole = count & -LANES;
        for (int lane = 0; lane < LANES; lane += PASS) {
            FloatVector left = FloatVector.zero(FLOATS);
            FloatVector right = FloatVector.zero(FLOATS);
            for (long i = lane; i < whole; i += LANES) {
                left = left.add(load(x, at + 4 * i));
                right = right.add(load(x, at + 4 * i + NEXT));
            }
            left.intoArray(lanes, lane);
            right.intoArray(lanes, lane + Vectors.LANES);
        }
        for (long i = whole; i < count; i++) {
            lanes[(int) (i - whole)] += x.get(JAVA_FLOAT, at + 4 * i);
        }
        return Halving.halve(lanes);
    }

    /// The sum of `fma(x, x, ·)`.
    static float squareLoop(MemorySegment x, long at, long count, float[] lanes) {
        long whole = count & -LANES;
        for (int lane = 0; lane < LANES; lane += PASS) {
            FloatVector left = FloatVector.zero(FLOATS);
            FloatVector right = FloatVector.zero(FLOATS);
            for (long i = lane; i < whole; i += LANES) {
                FloatVector v = load(x, at + 4 * i);
                FloatVector w = load(x, at + 4 * i + NEXT);
                left = v.fma(v, left);
                right = w.fma(w, right);
            }
            left.intoArray(lanes, lane);
            right.intoArray(lanes, lane + Vectors.LANES);
        }
        for (long i = whole; i < count; i++) {
            float v = x.get(JAVA_FLOAT, at + 4 * i);
            lanes[(int) (i - whole)] = Math.fma(v, v, lanes[(int) (i - whole)]);
        }
        return Halving.halve(lanes);
    }

    /// The sum of `fma(a, x, ·)`.
    static float productLoop(MemorySegment a, long atA, MemorySegment x, long atX, long count, float[] lanes) {
        long whole = count & -LANES;
        for (int lane = 0; lane < LANES; lane += PASS) {
            FloatVector left = FloatVector.zero(FLOATS);
            FloatVector right = FloatVector.zero(FLOATS);
            for (long i = lane; i < whole; i += LANES) {
                left = load(a, atA + 4 * i).fma(load(x, atX + 4 * i), left);
                right = load(a, atA + 4 * i + NEXT).fma(load(x, atX + 4 * i + NEXT), right);
            }
            left.intoArray(lanes, lane);
            right.intoArray(lanes, lane + Vectors.LANES);
        }
        for (long i = whole; i < count; i++) {
            int lane = (int) (i - whole);
            lanes[lane] = Math.fma(a.get(JAVA_FLOAT, atA + 4 * i), x.get(JAVA_FLOAT, atX + 4 * i), lanes[lane]);
        }
        return Halving.halve(lanes);
    }

    /// The sum of `fma(a · b, x, ·)`.
    static float productLoop(MemorySegment a, long atA, MemorySegment b, long atB, MemorySegment x, long atX, long count, float[] lanes) {
        long whole = count & -LANES;
        for (int lane = 0; lane < LANES; lane += Vectors.LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (long i = lane; i < whole; i += LANES) {
                sum = load(a, atA + 4 * i).mul(load(b, atB + 4 * i)).fma(load(x, atX + 4 * i), sum);
            }
            sum.intoArray(lanes, lane);
        }
        for (long i = whole; i < count; i++) {
            int lane = (int) (i - whole);
            lanes[lane] = Math.fma(a.get(JAVA_FLOAT, atA + 4 * i) * b.get(JAVA_FLOAT, atB + 4 * i), x.get(JAVA_FLOAT, atX + 4 * i), lanes[lane]);
        }
        return Halving.halve(lanes);
    }

    /// The sum of `exp(x − m)`.
    static float exponentialLoop(MemorySegment x, long at, long count, float m, float[] lanes) {
        long whole = count & -LANES;
        for (int lane = 0; lane < LANES; lane += Vectors.LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (long i = lane; i < whole; i += LANES) {
                sum = sum.add(VectorElementary.exp(load(x, at + 4 * i).sub(m)));
            }
            sum.intoArray(lanes, lane);
        }
        for (long i = whole; i < count; i++) {
            lanes[(int) (i - whole)] += Elementary.exp(x.get(JAVA_FLOAT, at + 4 * i) - m);
        }
        return Halving.halve(lanes);
    }
}
