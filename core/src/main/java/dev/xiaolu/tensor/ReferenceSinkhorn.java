package dev.xiaolu.tensor;

import java.util.ArrayList;
import java.util.List;

/// The definition of one token's `comb` of [dev.xiaolu.op.HyperGates], with every intermediate that its gradient needs.
final class ReferenceSinkhorn {
    /// A normalisation: what came out, and by what each line was divided.
    private record Step(boolean columns, float[] result, float[] divisors) {}

    private final int n;
    private final float epsilon;
    private final float[] softmax;                               // before epsilon is added
    private final List<Step> steps = new ArrayList<>();

    /// Runs the forward for the gates `c`, `n` rows of `n`.
    ReferenceSinkhorn(float[] c, int n, int iterations, float epsilon) {
        this.n = n;
        this.epsilon = epsilon;
        softmax = softmax(c);
        float[] start = softmax.clone();
        for (int i = 0; i < start.length; i++) {
            start[i] += epsilon;
        }
        normalise(start, true);
        for (int i = 1; i < iterations; i++) {
            normalise(comb(), false);
            normalise(comb(), true);
        }
    }

    float[] comb() {
        return steps.getLast().result;
    }

    private float[] softmax(float[] c) {
        float[] p = new float[n * n];
        for (int j = 0; j < n; j++) {
            float m = Float.NEGATIVE_INFINITY;
            for (int k = 0; k < n; k++) {
                m = Math.max(m, c[j * n + k]);
            }
            float sum = 0;
            for (int k = 0; k < n; k++) {
                p[j * n + k] = Elementary.exp(c[j * n + k] - m);
                sum += p[j * n + k];
            }
            for (int k = 0; k < n; k++) {
                p[j * n + k] /= sum;
            }
        }
        return p;
    }

    private void normalise(float[] x, boolean columns) {
        var step = new Step(columns, new float[n * n], new float[n]);
        for (int line = 0; line < n; line++) {
            float sum = 0;
            for (int i = 0; i < n; i++) {
                sum += x[at(columns, line, i)];
            }
            step.divisors[line] = sum + epsilon;
            for (int i = 0; i < n; i++) {
                step.result[at(columns, line, i)] = x[at(columns, line, i)] / step.divisors[line];
            }
        }
        steps.add(step);
    }

    /// The gradient of `c` from that of `comb`.
    float[] gradient(float[] dcomb) {
        float[] d = dcomb.clone();
        for (Step step : steps.reversed()) {
            for (int line = 0; line < n; line++) {
                float t = 0;
                for (int i = 0; i < n; i++) {
                    int at = at(step.columns, line, i);
                    t = Math.fma(d[at], step.result[at], t);
                }
                for (int i = 0; i < n; i++) {
                    int at = at(step.columns, line, i);
                    d[at] = (d[at] - t) / step.divisors[line];
                }
            }
        }
        for (int j = 0; j < n; j++) {
            float t = 0;
            for (int k = 0; k < n; k++) {
                t = Math.fma(d[j * n + k], softmax[j * n + k], t);
            }
            for (int k = 0; k < n; k++) {
                d[j * n + k] = softmax[j * n + k] * (d[j * n + k] - t);
            }
        }
        return d;
    }

    private int at(boolean columns, int line, int i) {
        return columns ? i * n + line : line * n + i;
    }
}
