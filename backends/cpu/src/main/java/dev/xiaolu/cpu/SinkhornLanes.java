package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;

import jdk.incubator.vector.FloatVector;

/// The `comb` of hyper-connections for as many tokens as a vector has lanes: a token in each lane, so that no sum crosses lanes.
///
/// One thread; used again for every group of tokens, so that a call leaves no garbage.
final class SinkhornLanes {
    private int n;
    private float epsilon;
    /// Floats of one matrix in all lanes.
    private int size;
    /// Normalisations: columns, then rows and columns in turn.
    private int steps;
    private float[] softmax = new float[0];
    /// The matrix after each normalisation.
    private float[] results = new float[0];
    /// By what the lines of each normalisation were divided.
    private float[] divisors = new float[0];

    void set(int streams, int iterations, float epsilon) {
        n = streams;
        this.epsilon = epsilon;
        size = n * n * LANES;
        steps = 2 * iterations - 1;
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

    /// Runs the forward for the gates at `c[at]` and puts the last matrix over them.
    void forward(float[] c, int at) {
        for (int j = 0; j < n; j++) {
            softmax(c, at + j * n * LANES, j * n * LANES);
        }
        for (int i = 0; i < size; i += LANES) {
            FloatVector.fromArray(FLOATS, softmax, i).add(epsilon).intoArray(results, i);
        }
        for (int step = 0; step < steps; step++) {
            for (int line = 0; line < n; line++) {
                boolean columns = step % 2 == 0;
                normalise(Math.max(0, step - 1) * size, step * size, columns ? line * LANES : line * n * LANES, columns ? n * LANES : LANES, (step * n + line) * LANES);
            }
        }
        System.arraycopy(results, (steps - 1) * size, c, at, size);
    }

    private void softmax(float[] c, int from, int into) {
        FloatVector m = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int k = 0; k < n; k++) {
            m = m.max(FloatVector.fromArray(FLOATS, c, from + k * LANES));
        }
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int k = 0; k < n; k++) {
            FloatVector e = VectorElementary.exp(FloatVector.fromArray(FLOATS, c, from + k * LANES).sub(m));
            e.intoArray(softmax, into + k * LANES);
            sum = sum.add(e);
        }
        for (int k = 0; k < n; k++) {
            FloatVector.fromArray(FLOATS, softmax, into + k * LANES).div(sum).intoArray(softmax, into + k * LANES);
        }
    }

    /// Divides one line; the first step works in place, since nobody needs what was before it.
    private void normalise(int from, int into, int start, int stride, int divisor) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < n; i++) {
            sum = sum.add(FloatVector.fromArray(FLOATS, results, from + start + i * stride));
        }
        sum = sum.add(epsilon);
        sum.intoArray(divisors, divisor);
        for (int i = 0; i < n; i++) {
            FloatVector.fromArray(FLOATS, results, from + start + i * stride).div(sum).intoArray(results, into + start + i * stride);
        }
    }

    /// Turns the gradient of the last matrix, at `d[at]`, into that of the gates; needs the forward of the same tokens before it.
    void backward(float[] d, int at) {
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
