package dev.xiaolu.testkit;

import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.testkit.Fp64.Values;
import java.util.Arrays;
import java.util.List;

/// Hyper-connections in double precision, by their textbook formulas.
final class Fp64Hyper {
    private Fp64Hyper() {}

    static Values unitNorm(UnitNorm op, Values x) {
        Values y = Values.zeros(x.shape());
        int hidden = x.last();
        for (int row = 0; row < x.rows(); row++) {
            double squares = Arrays.stream(x.data(), row * hidden, (row + 1) * hidden).map(v -> v * v).sum();
            for (int i = row * hidden; i < (row + 1) * hidden; i++) {
                y.data()[i] = x.data()[i] / Math.sqrt(squares / hidden + op.epsilon());
            }
        }
        return y;
    }

    static List<Values> gates(HyperGates op, Values m, Values base, Values scale) {
        int gates = m.last();
        int n = HyperGates.streams(gates);
        Shape streams = m.shape().with(-1, n);
        long[] square = Arrays.copyOf(streams.toArray(), streams.rank() + 1);
        square[streams.rank()] = n;
        Values pre = Values.zeros(streams);
        Values post = Values.zeros(streams);
        Values comb = Values.zeros(Shape.of(square));
        for (int row = 0; row < m.rows(); row++) {
            double[] z = new double[gates];
            for (int i = 0; i < gates; i++) {
                z[i] = scale.data()[Math.min(i / n, 2)] * m.data()[row * gates + i] + base.data()[i];
            }
            for (int s = 0; s < n; s++) {
                pre.data()[row * n + s] = sigmoid(z[s]) + op.epsilon();
                post.data()[row * n + s] = 2 * sigmoid(z[n + s]);
            }
            double[] matrix = sinkhorn(Arrays.copyOfRange(z, 2 * n, gates), n, op.iterations(), op.epsilon());
            System.arraycopy(matrix, 0, comb.data(), row * n * n, n * n);
        }
        return List.of(pre, post, comb);
    }

    private static double[] sinkhorn(double[] c, int n, int iterations, double epsilon) {
        double[] matrix = new double[n * n];
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++) {
                sum += Math.exp(c[j * n + k]);
            }
            for (int k = 0; k < n; k++) {
                matrix[j * n + k] = Math.exp(c[j * n + k]) / sum + epsilon;
            }
        }
        for (int step = 0; step < 2 * iterations - 1; step++) {
            int along = step % 2 == 0 ? n : 1;                   // columns first
            int across = step % 2 == 0 ? 1 : n;
            for (int line = 0; line < n; line++) {
                double sum = epsilon;
                for (int i = 0; i < n; i++) {
                    sum += matrix[line * across + i * along];
                }
                for (int i = 0; i < n; i++) {
                    matrix[line * across + i * along] /= sum;
                }
            }
        }
        return matrix;
    }

    static Values headGates(HyperHeadGates op, Values m, Values base, Values scale) {
        Values pre = Values.zeros(m.shape());
        for (int i = 0; i < pre.data().length; i++) {
            pre.data()[i] = sigmoid(scale.data()[0] * m.data()[i] + base.data()[i % m.last()]) + op.epsilon();
        }
        return pre;
    }

    private static double sigmoid(double z) {
        return 1 / (1 + Math.exp(-z));
    }

    static Values expand(HyperExpand op, Values x) {
        int hidden = x.last();
        Values streams = Values.zeros(Shape.of(x.rows(), op.streams(), hidden));
        for (int i = 0; i < streams.data().length; i++) {
            streams.data()[i] = x.data()[i / hidden / op.streams() * hidden + i % hidden];
        }
        return streams;
    }

    static Values collapse(Values pre, Values x) {
        int n = pre.last();
        int hidden = x.last();
        Values u = Values.zeros(Shape.of(pre.rows(), hidden));
        for (int i = 0; i < x.data().length; i++) {
            u.data()[i / hidden / n * hidden + i % hidden] += pre.data()[i / hidden] * x.data()[i];
        }
        return u;
    }

    static Values mix(Values x, Values y, Values post, Values comb) {
        int n = post.last();
        int hidden = x.last();
        Values mixed = Values.zeros(x.shape());
        for (int i = 0; i < x.data().length; i++) {
            int c = i % hidden;
            int k = i / hidden % n;
            int token = i / hidden / n;
            mixed.data()[i] = post.data()[token * n + k] * y.data()[token * hidden + c];
            for (int j = 0; j < n; j++) {
                mixed.data()[i] += comb.data()[(token * n + j) * n + k] * x.data()[(token * n + j) * hidden + c];
            }
        }
        return mixed;
    }
}
