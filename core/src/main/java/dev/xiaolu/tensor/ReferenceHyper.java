package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LEAF;
import static dev.xiaolu.tensor.Elements.at;
import static dev.xiaolu.tensor.Elements.row;
import static dev.xiaolu.tensor.Elements.rowSum;
import static dev.xiaolu.tensor.Elements.part;
import static dev.xiaolu.tensor.Elements.set;
import static dev.xiaolu.tensor.Elements.setRow;

import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperExpandGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import java.util.Arrays;

/// The definitions of hyper-connections: the norm of the streams, their gates, reading, writing and mixing.
final class ReferenceHyper {
    private ReferenceHyper() {}

    static void run(UnitNorm op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] x = row(in[0], row);
            float r = inverseRoot(x, op.epsilon());
            for (int i = 0; i < x.length; i++) {
                set(out[0], row * x.length + i, x[i] * r);
            }
        }
    }

    static void run(UnitNormGrad op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] x = row(in[0], row);
            float[] dy = row(in[1], row);
            float r = inverseRoot(x, op.epsilon());
            float c = rowSum(dy, x) * r * r / x.length;
            for (int i = 0; i < x.length; i++) {
                set(out[0], row * x.length + i, r * Math.fma(-x[i], c, dy[i]));
            }
        }
    }

    private static float inverseRoot(float[] x, float epsilon) {
        return 1 / (float) Math.sqrt(rowSum(x, x) / x.length + epsilon);
    }

    static void run(HyperGates op, Tensor[] in, Tensor[] out) {
        int n = (int) out[0].shape().last();
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] z = scaled(row(in[0], row), in[1], in[2], n);
            for (int s = 0; s < n; s++) {
                set(out[0], row * n + s, Elementary.sigmoid(z[s]) + op.epsilon());
                set(out[1], row * n + s, 2 * Elementary.sigmoid(z[n + s]));
            }
            var sinkhorn = new ReferenceSinkhorn(Arrays.copyOfRange(z, 2 * n, z.length), n, op.iterations(), op.epsilon());
            for (int i = 0; i < n * n; i++) {
                set(out[2], row * n * n + i, sinkhorn.comb()[i]);
            }
        }
    }

    static void run(HyperGatesGrad op, Tensor[] in, Tensor[] out) {
        int n = (int) in[3].shape().last();
        long rows = in[0].shape().rows() / op.leaves();
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            var sums = new LeafSums(n * (n + 2), 3, rows);
            for (long k = 0; k < rows; k++) {
                long row = leaf * rows + k;
                float[] m = row(in[0], row);
                float[] z = scaled(m, in[1], in[2], n);
                float[] dz = new float[z.length];
                for (int s = 0; s < n; s++) {
                    dz[s] = at(in[3], row * n + s) * slope(z[s]);
                    dz[n + s] = 2 * at(in[4], row * n + s) * slope(z[n + s]);
                }
                var sinkhorn = new ReferenceSinkhorn(Arrays.copyOfRange(z, 2 * n, z.length), n, op.iterations(), op.epsilon());
                System.arraycopy(sinkhorn.gradient(part(in[5], row * n * n, n * n)), 0, dz, 2 * n, n * n);
                for (int i = 0; i < dz.length; i++) {
                    set(out[0], row * dz.length + i, at(in[2], block(i, n)) * dz[i]);
                }
                sums.add(k, dz, products(dz, m, 0, n), products(dz, m, n, 2 * n), products(dz, m, 2 * n, dz.length));
            }
            sums.store(out, leaf);
        }
    }

    static void run(HyperHeadGates op, Tensor[] in, Tensor[] out) {
        int n = (int) in[0].shape().last();
        for (long i = 0; i < in[0].shape().size(); i++) {
            float z = Math.fma(at(in[2], 0), at(in[0], i), at(in[1], i % n));
            set(out[0], i, Elementary.sigmoid(z) + op.epsilon());
        }
    }

    static void run(HyperHeadGatesGrad op, Tensor[] in, Tensor[] out) {
        int n = (int) in[0].shape().last();
        long rows = in[0].shape().rows() / op.leaves();
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            var sums = new LeafSums(n, 1, rows);
            for (long k = 0; k < rows; k++) {
                long row = leaf * rows + k;
                float[] m = row(in[0], row);
                float[] dz = new float[n];
                for (int s = 0; s < n; s++) {
                    dz[s] = at(in[3], row * n + s) * slope(Math.fma(at(in[2], 0), m[s], at(in[1], s)));
                    set(out[0], row * n + s, at(in[2], 0) * dz[s]);
                }
                sums.add(k, dz, products(dz, m, 0, n));
            }
            sums.store(out, leaf);
        }
    }

    private static float[] scaled(float[] m, Tensor base, Tensor scale, int n) {
        float[] z = new float[m.length];
        for (int i = 0; i < m.length; i++) {
            z[i] = Math.fma(at(scale, block(i, n)), m[i], at(base, i));
        }
        return z;
    }

    /// Which of `pre`, `post` and `comb` gate `i` belongs to.
    private static int block(int i, int n) {
        return Math.min(i / n, 2);
    }

    /// The derivative of the sigmoid.
    private static float slope(float z) {
        float a = Elementary.sigmoid(z);
        return a * (1 - a);
    }

    private static float products(float[] dz, float[] m, int from, int to) {
        float sum = 0;
        for (int i = from; i < to; i++) {
            sum = Math.fma(dz[i], m[i], sum);
        }
        return sum;
    }

    /// The gradients of `base` and `scale` over the rows of one leaf of work: plain additions in leaves of 256 rows, then the tree.
    private static final class LeafSums {
        private final float[][] base;
        private final float[][] scale;

        LeafSums(int gates, int scales, long rows) {
            int leaves = (int) ((rows + LEAF - 1) / LEAF);
            base = new float[gates][leaves];
            scale = new float[scales][leaves];
        }

        void add(long k, float[] dz, float... products) {
            for (int i = 0; i < base.length; i++) {
                base[i][(int) (k / LEAF)] += dz[i];
            }
            for (int i = 0; i < scale.length; i++) {
                scale[i][(int) (k / LEAF)] += products[i];
            }
        }

        void store(Tensor[] out, int leaf) {
            for (int i = 0; i < base.length; i++) {
                set(out[1], (long) leaf * base.length + i, Sums.tree(base[i], base[i].length));
            }
            for (int i = 0; i < scale.length; i++) {
                set(out[2], (long) leaf * scale.length + i, Sums.tree(scale[i], scale[i].length));
            }
        }
    }

    static void run(HyperExpand op, Tensor[] in, Tensor[] out) {
        for (long stream = 0; stream < out[0].shape().rows(); stream++) {
            setRow(out[0], stream, row(in[0], stream / op.streams()));
        }
    }

    static void run(HyperExpandGrad op, Tensor[] in, Tensor[] out) {
        long n = in[0].shape().axis(-2);
        for (long token = 0; token < out[0].shape().rows(); token++) {
            float[] dx = new float[(int) out[0].shape().last()];
            for (long s = 0; s < n; s++) {
                chain(1, row(in[0], token * n + s), dx);         // exactly an addition
            }
            setRow(out[0], token, dx);
        }
    }

    static void run(HyperCollapse op, Tensor[] in, Tensor[] out) {
        long n = in[0].shape().last();
        for (long token = 0; token < out[0].shape().rows(); token++) {
            float[] u = new float[(int) out[0].shape().last()];
            for (long s = 0; s < n; s++) {
                chain(at(in[0], token * n + s), row(in[1], token * n + s), u);
            }
            setRow(out[0], token, u);
        }
    }

    static void run(HyperCollapseGrad op, Tensor[] in, Tensor[] out) {
        long n = in[0].shape().last();
        for (long token = 0; token < in[2].shape().rows(); token++) {
            float[] du = row(in[2], token);
            for (long s = token * n; s < token * n + n; s++) {
                set(out[0], s, rowSum(du, row(in[1], s)));
                setRow(out[1], s, product(at(in[0], s), du));
            }
        }
    }

    static void run(HyperMix op, Tensor[] in, Tensor[] out) {
        long n = in[2].shape().last();
        for (long token = 0; token < in[1].shape().rows(); token++) {
            for (long k = 0; k < n; k++) {
                float[] mixed = product(at(in[2], token * n + k), row(in[1], token));
                for (long j = 0; j < n; j++) {
                    chain(at(in[3], (token * n + j) * n + k), row(in[0], token * n + j), mixed);
                }
                setRow(out[0], token * n + k, mixed);
            }
        }
    }

    static void run(HyperMixGrad op, Tensor[] in, Tensor[] out) {
        long n = in[2].shape().last();
        int hidden = (int) in[0].shape().last();
        for (long token = 0; token < in[1].shape().rows(); token++) {
            float[] y = row(in[1], token);
            float[] dy = new float[hidden];
            for (long k = 0; k < n; k++) {
                float[] dmixed = row(in[4], token * n + k);
                chain(at(in[2], token * n + k), dmixed, dy);
                set(out[2], token * n + k, rowSum(dmixed, y));
            }
            setRow(out[1], token, dy);
            for (long j = 0; j < n; j++) {
                float[] dx = new float[hidden];
                for (long k = 0; k < n; k++) {
                    float[] dmixed = row(in[4], token * n + k);
                    chain(at(in[3], (token * n + j) * n + k), dmixed, dx);
                    set(out[3], (token * n + j) * n + k, rowSum(dmixed, row(in[0], token * n + j)));
                }
                setRow(out[0], token * n + j, dx);
            }
        }
    }

    /// `sum_c = fma(a, x_c, sum_c)`.
    static void chain(float a, float[] x, float[] sum) {
        for (int c = 0; c < x.length; c++) {
            sum[c] = Math.fma(a, x[c], sum[c]);
        }
    }

    static float[] product(float a, float[] x) {
        float[] y = new float[x.length];
        for (int c = 0; c < x.length; c++) {
            y[c] = a * x[c];
        }
        return y;
    }
}
