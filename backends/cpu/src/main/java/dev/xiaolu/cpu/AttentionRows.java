package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;

import dev.xiaolu.op.Numerics;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/// What attention does along one row of scores, the keys of one leaf: maximum, exponentials, their sum in lanes.
///
/// Rows lie in an array and are as long as [AttentionTiles#LEAF_ROW] says; one vector may be written before a row, and one behind its keys.
final class AttentionRows {
    private static final VectorShuffle<Float> BY_8 = rotation(8);
    private static final VectorShuffle<Float> BY_4 = rotation(4);
    private static final VectorShuffle<Float> BY_2 = rotation(2);
    private static final VectorShuffle<Float> BY_1 = rotation(1);

    private AttentionRows() {}

    /// Turns the dot products `from` to `to` (both included) of a row into exponentials, in place, and stores the greatest score and the sum of exponentials.
    static void softmaxLoop(float[] h, int row, int from, int to, float scale, int atM, int atL) {
        int start = row + (from & -Numerics.LANES);
        int end = row + (to | Numerics.LANES - 1) + 1;
        for (int at = start; at < end; at += LANES) {
            FloatVector.fromArray(FLOATS, h, at).mul(scale).intoArray(h, at);
        }
        FloatVector lowest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int at = row + to + 1; at < end; at += LANES) {     // invisible keys of the touched lanes: exp gives +0 there, which adds nothing
            lowest.intoArray(h, at);
        }
        for (int at = row + from; at > start; ) {
            at -= LANES;
            lowest.intoArray(h, at);
        }
        FloatVector greatest = lowest;
        for (int at = start; at < end; at += LANES) {
            greatest = greater(greatest, FloatVector.fromArray(FLOATS, h, at));
        }
        float m = greatest(greatest) + 0f;
        float base = m == Float.NEGATIVE_INFINITY ? 0 : m;
        exponentialLoop(h, start, end, base);
        h[atM] = m;
        h[atL] = sum(h, start, end);
    }

    /// Turns the dot products of a row with `k` into `p`, and those with `v` into `ds`, both in place, for the keys `from` to `to` and a few around them.
    static void gradientLoop(float[] h, int row, int rowOfDs, int from, int to, float scale, float m, float inverse, float delta) {
        for (int key = from & -LANES; key <= to; key += LANES) {
            FloatVector p = VectorElementary.exp(FloatVector.fromArray(FLOATS, h, row + key).mul(scale).sub(m)).mul(inverse);
            p.intoArray(h, row + key);
            p.mul(FloatVector.fromArray(FLOATS, h, rowOfDs + key).sub(delta)).mul(scale).intoArray(h, rowOfDs + key);
        }
    }

    /// The greater of the maxima of two sides, and the logarithms of the sides' weights, for `count` rows; there is room for whole vectors.
    static void maximaLoop(float[] h, int count, int a, int b, int greater, int ofA, int ofB) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector left = FloatVector.fromArray(FLOATS, h, a + i);
            FloatVector right = FloatVector.fromArray(FLOATS, h, b + i);
            FloatVector m = left.blend(right, right.compare(VectorOperators.GT, left));
            FloatVector base = m.blend(0f, m.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
            m.intoArray(h, greater + i);
            left.sub(base).intoArray(h, ofA + i);
            right.sub(base).intoArray(h, ofB + i);
        }
    }

    /// `x = exp(x − base)` for the floats from `start` to `end`. The one place where attention calls the function: a caller that is seldom reached would not get it inlined.
    static void exponentialLoop(float[] h, int start, int end, float base) {
        for (int at = start; at < end; at += LANES) {
            VectorElementary.exp(FloatVector.fromArray(FLOATS, h, at).sub(base)).intoArray(h, at);
        }
    }

    /// `l = fma(a, weightOfA, b · weightOfB)` for the sums of exponentials of `count` rows, each with its own weights.
    static void sumsLoop(float[] h, int count, int a, int weightsOfA, int b, int weightsOfB, int l) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector right = FloatVector.fromArray(FLOATS, h, b + i).mul(FloatVector.fromArray(FLOATS, h, weightsOfB + i));
            FloatVector.fromArray(FLOATS, h, a + i).fma(FloatVector.fromArray(FLOATS, h, weightsOfA + i), right).intoArray(h, l + i);
        }
    }

    /// `b = fma(a, weightOfA, b · weightOfB)` over `columns`, a multiple of the vector length.
    static void mergeLoop(float[] h, int a, float weightOfA, int b, float weightOfB, int columns) {
        for (int i = 0; i < columns; i += LANES) {
            FloatVector weight = FloatVector.broadcast(FLOATS, weightOfA);
            FloatVector.fromArray(FLOATS, h, a + i).fma(weight, FloatVector.fromArray(FLOATS, h, b + i).mul(weightOfB)).intoArray(h, b + i);
        }
    }

    /// `b = a + b` over `columns`.
    static void addLoop(float[] h, int a, int b, int columns) {
        for (int i = 0; i < columns; i += LANES) {
            FloatVector.fromArray(FLOATS, h, a + i).add(FloatVector.fromArray(FLOATS, h, b + i)).intoArray(h, b + i);
        }
    }

    /// The sum of the floats from `start` to `end` in 32 lanes, then halved; both are multiples of 32 floats from the leaf's first key.
    private static float sum(float[] h, int start, int end) {
        return LANES == 16 ? sumOfTwo(h, start, end) : LANES == 8 ? sumOfFour(h, start, end) : sumOfEight(h, start, end);
    }

    /// The 32 lanes are two vectors of 16.
    private static float sumOfTwo(float[] h, int start, int end) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        for (int at = start; at < end; at += Numerics.LANES) {
            s0 = s0.add(FloatVector.fromArray(FLOATS, h, at));
            s1 = s1.add(FloatVector.fromArray(FLOATS, h, at + LANES));
        }
        FloatVector half = s0.add(s1);
        half = half.add(half.rearrange(BY_8));
        half = half.add(half.rearrange(BY_4));
        half = half.add(half.rearrange(BY_2));
        return half.add(half.rearrange(BY_1)).lane(0);
    }

    /// The 32 lanes are four vectors of 8.
    private static float sumOfFour(float[] h, int start, int end) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        for (int at = start; at < end; at += Numerics.LANES) {
            s0 = s0.add(FloatVector.fromArray(FLOATS, h, at));
            s1 = s1.add(FloatVector.fromArray(FLOATS, h, at + LANES));
            s2 = s2.add(FloatVector.fromArray(FLOATS, h, at + 2 * LANES));
            s3 = s3.add(FloatVector.fromArray(FLOATS, h, at + 3 * LANES));
        }
        FloatVector half = s0.add(s2).add(s1.add(s3));
        half = half.add(half.rearrange(BY_4));
        half = half.add(half.rearrange(BY_2));
        return half.add(half.rearrange(BY_1)).lane(0);
    }

    /// The 32 lanes are eight vectors of 4.
    private static float sumOfEight(float[] h, int start, int end) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        FloatVector s4 = FloatVector.zero(FLOATS);
        FloatVector s5 = FloatVector.zero(FLOATS);
        FloatVector s6 = FloatVector.zero(FLOATS);
        FloatVector s7 = FloatVector.zero(FLOATS);
        for (int at = start; at < end; at += Numerics.LANES) {
            s0 = s0.add(FloatVector.fromArray(FLOATS, h, at));
            s1 = s1.add(FloatVector.fromArray(FLOATS, h, at + LANES));
            s2 = s2.add(FloatVector.fromArray(FLOATS, h, at + 2 * LANES));
            s3 = s3.add(FloatVector.fromArray(FLOATS, h, at + 3 * LANES));
            s4 = s4.add(FloatVector.fromArray(FLOATS, h, at + 4 * LANES));
            s5 = s5.add(FloatVector.fromArray(FLOATS, h, at + 5 * LANES));
            s6 = s6.add(FloatVector.fromArray(FLOATS, h, at + 6 * LANES));
            s7 = s7.add(FloatVector.fromArray(FLOATS, h, at + 7 * LANES));
        }
        FloatVector half = s0.add(s4).add(s2.add(s6)).add(s1.add(s5).add(s3.add(s7)));
        half = half.add(half.rearrange(BY_2));
        return half.add(half.rearrange(BY_1)).lane(0);
    }

    /// Lane by lane the greater, NaN of `x` passed over.
    private static FloatVector greater(FloatVector m, FloatVector x) {
        return m.blend(x, x.compare(VectorOperators.GT, m));
    }

    /// The greatest lane; none is NaN.
    private static float greatest(FloatVector x) {
        FloatVector m = x;
        if (LANES >= 16) {
            m = greater(m, m.rearrange(BY_8));
        }
        if (LANES >= 8) {
            m = greater(m, m.rearrange(BY_4));
        }
        m = greater(m, m.rearrange(BY_2));
        return greater(m, m.rearrange(BY_1)).lane(0);
    }

    private static VectorShuffle<Float> rotation(int by) {
        return VectorShuffle.fromOp(FLOATS, lane -> (lane + by) % LANES);
    }
}
