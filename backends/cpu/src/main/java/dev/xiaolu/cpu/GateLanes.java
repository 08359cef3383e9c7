package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;

/// The gates of hyper-connections for as many tokens as a vector has lanes: a token in each lane, so that no sum of the Sinkhorn iteration crosses lanes.
///
/// One thread; used again for every group of tokens, so that a call leaves no garbage.
final class GateLanes {
    /// Gates that are not of the matrix; they come first.
    private int plain;
    /// Streams, 0 where there is no matrix.
    private int n;
    private float epsilon;
    /// Floats of one matrix in all lanes.
    private int size;
    /// Normalisations: columns, then rows and columns in turn.
    private int steps;
    /// Of what the exponential is taken, then what it gives; plain gates first.
    private float[] powers = new float[0];
    private float[] softmax = new float[0];
    /// The matrix after each normalisation.
    private float[] results = new float[0];
    /// By what the lines of each normalisation were divided.
    private float[] divisors = new float[0];

    /// Prepares for so many plain gates and a matrix of `streams` by `streams`.
    void set(int plain, int streams, int iterations, float epsilon) {
        this.plain = plain;
        n = streams;
        this.epsilon = epsilon;
        size = n * n * LANES;
        steps = streams == 0 ? 0 : 2 * iterations - 1;
        if (powers.length < plain * LANES + size) {
            powers = new float[plain * LANES + size];
        }
        if (softmax.length < size) {
            softmax = new float[size];
        }
        if (results.length < steps * size) {
            results = new float[steps * size];
        }
        if (divisors.length < steps * n * LANES) {
            divisors = new float[steps * n * LANES];
        }
    }

    /// Runs the forward in place: sigmoids of the plain gates, the last matrix for the others.
    void forwardLoop(float[] z) {
        int at = plain * LANES;
        int row = n * LANES;
        for (int i = 0; i < at; i += LANES) {
            FloatVector.fromArray(FLOATS, z, i).abs().neg().intoArray(powers, i);
        }
        for (int from = at; from < at + size; from += row) {
            FloatVector m = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
            for (int k = from; k < from + row; k += LANES) {
                m = m.max(FloatVector.fromArray(FLOATS, z, k));
            }
            for (int k = from; k < from + row; k += LANES) {
                FloatVector.fromArray(FLOATS, z, k).sub(m).intoArray(powers, k);
            }
        }
        exponentialLoop(powers, at + size);
        for (int i = 0; i < at; i += LANES) {                    // the rest of `Elementary.sigmoid`; a NaN's exponential is the one NaN that it may give
            FloatVector e = FloatVector.fromArray(FLOATS, powers, i);
            FloatVector side = FloatVector.broadcast(FLOATS, 1f).blend(e, FloatVector.fromArray(FLOATS, z, i).compare(LT, 0f));
            side.neg().fma(e.div(e.add(1f)), side).intoArray(z, i);
        }
        for (int from = 0; from < size; from += row) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int k = from; k < from + row; k += LANES) {
                sum = sum.add(FloatVector.fromArray(FLOATS, powers, at + k));
            }
            for (int k = from; k < from + row; k += LANES) {
                FloatVector p = FloatVector.fromArray(FLOATS, powers, at + k).div(sum);
                p.intoArray(softmax, k);
                p.add(epsilon).intoArray(results, k);
            }
        }
        int before = 0;                                          // the first step works in place, since nobody needs what was before it
        for (int step = 0; step < steps; step++) {
            int after = step * size;
            int across = step % 2 == 0 ? LANES : row;            // from one line to the next: columns first
            int along = step % 2 == 0 ? row : LANES;
            for (int line = 0; line < n; line++) {
                int start = line * across;
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int i = start; i < start + n * along; i += along) {
                    sum = sum.add(FloatVector.fromArray(FLOATS, results, before + i));
                }
                sum = sum.add(epsilon);
                sum.intoArray(divisors, (step * n + line) * LANES);
                for (int i = start; i < start + n * along; i += along) {
                    FloatVector.fromArray(FLOATS, results, before + i).div(sum).intoArray(results, after + i);
                }
            }
            before = after;
        }
        System.arraycopy(results, before, z, at, size);
    }

    private static void exponentialLoop(float[] x, int count) {
        for (int i = 0; i < count; i += LANES) {
            VectorElementary.exp(FloatVector.fromArray(FLOATS, x, i)).intoArray(x, i);
        }
    }

    /// Turns the gradient of the last matrix in `d` into that of its gates; needs the forward of the same tokens before it. Those of the plain gates stay.
    void backwardLoop(float[] d) {
        int at = plain * LANES;
        for (int step = steps - 1; step >= 0; step--) {
            boolean columns = step % 2 == 0;
            for (int line = 0; line < n; line++) {
                int start = columns ? line * LANES : line * n * LANES;
                int stride = columns ? n * LANES : LANES;
                FloatVector t = FloatVector.zero(FLOATS);
                for (int i = 0; i < n; i++) {
                    t = FloatVector.fromArray(FLOATS, d, at + start + i * stride).fma(FloatVector.fromArray(FLOATS, results, step * size + start + i * stride), t);
                }
                FloatVector divisor = FloatVector.fromArray(FLOATS, divisors, (step * n + line) * LANES);
                for (int i = 0; i < n; i++) {
                    FloatVector.fromArray(FLOATS, d, at + start + i * stride).sub(t).div(divisor).intoArray(d, at + start + i * stride);
                }
            }
        }
        for (int row = 0; row < size; row += n * LANES) {
            FloatVector t = FloatVector.zero(FLOATS);
            for (int k = row; k < row + n * LANES; k += LANES) {
                t = FloatVector.fromArray(FLOATS, d, at + k).fma(FloatVector.fromArray(FLOATS, softmax, k), t);
            }
            for (int k = row; k < row + n * LANES; k += LANES) {
                FloatVector.fromArray(FLOATS, softmax, k).mul(FloatVector.fromArray(FLOATS, d, at + k).sub(t)).intoArray(d, at + k);
            }
        }
    }
}
