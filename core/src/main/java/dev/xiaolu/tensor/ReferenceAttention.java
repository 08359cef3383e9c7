package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static dev.xiaolu.op.Numerics.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.Math.fma;

import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import java.util.function.BinaryOperator;

/// The definition of attention and of its gradients: each query and head by itself, leaf after leaf, then the tree.
final class ReferenceAttention {
    /// What a part of the keys says to one query: the greatest score, the sum of exponentials, the weighted values `[dim]`.
    private record Part(float m, float l, float[] o) {}

    private ReferenceAttention() {}

    static void run(Attention op, Tensor[] in, Tensor[] out) {
        Tensor q = in[0];
        Tensor k = in[1];
        Tensor v = in[2];
        long keys = k.shape().axis(1);
        int dim = Math.toIntExact(q.shape().last());
        long group = q.shape().axis(2) / k.shape().axis(2);
        KeyRuns.check(in[3], in[4], keys);
        for (long index = 0; index < q.shape().rows(); index++) {
            long head = index % q.shape().axis(2);
            long query = index / q.shape().axis(2) % q.shape().axis(1);
            long sequence = index / q.shape().axis(2) / q.shape().axis(1);
            float[] of = row(q, sequence, query, head);
            int first = KeyRuns.at(in[3], sequence, query);
            int last = KeyRuns.at(in[4], sequence, query);
            var leaves = new Part[leaves(keys)];
            for (int leaf = 0; leaf < leaves.length; leaf++) {
                int from = Math.max(first, leaf * ATTENTION_LEAF);
                int to = Math.min(last, leaf * ATTENTION_LEAF + ATTENTION_LEAF - 1);
                leaves[leaf] = from <= to ? leaf(of, k, v, sequence, head / group, from, to, op.scale()) : null;
            }
            Part all = tree(leaves, ReferenceAttention::merge);
            float inverse = all == null ? 0 : 1f / all.l;
            for (int c = 0; c < dim; c++) {
                out[0].data().setAtIndex(JAVA_FLOAT, index * dim + c, all == null ? 0 : all.o[c] * inverse);
            }
            out[1].data().setAtIndex(JAVA_FLOAT, index, all == null ? Float.NEGATIVE_INFINITY : all.m);
            out[2].data().setAtIndex(JAVA_FLOAT, index, all == null ? 0 : all.l);
        }
    }

    /// The keys `from` to `to` of one leaf, both included.
    private static Part leaf(float[] q, Tensor k, Tensor v, long sequence, long kvHead, int from, int to, float scale) {
        float[] p = new float[to - from + 1];
        float m = Float.NEGATIVE_INFINITY;
        for (int key = from; key <= to; key++) {
            p[key - from] = dot(q, row(k, sequence, key, kvHead)) * scale;
            m = greater(m, p[key - from]);
        }
        float[] lanes = new float[LANES];
        float[] o = new float[q.length];
        for (int key = from; key <= to; key++) {
            p[key - from] = Elementary.exp(p[key - from] - base(m));
            lanes[key % LANES] += p[key - from];
            for (int c = 0; c < o.length; c++) {
                o[c] = fma(p[key - from], element(v, sequence, key, kvHead, c), o[c]);
            }
        }
        return new Part(m, Sums.halve(lanes), o);
    }

    private static Part merge(Part a, Part b) {
        float m = greater(a.m, b.m);
        float ofA = Elementary.exp(a.m - base(m));
        float ofB = Elementary.exp(b.m - base(m));
        float[] o = new float[a.o.length];
        for (int c = 0; c < o.length; c++) {
            o[c] = fma(a.o[c], ofA, b.o[c] * ofB);
        }
        return new Part(m, fma(a.l, ofA, b.l * ofB), o);
    }

    /// The greater of a maximum so far and another value; NaN is passed over, and −0 becomes +0.
    private static float greater(float m, float value) {
        return value > m ? value + 0f : m;
    }

    /// What exponents are taken relative to: −∞ would make NaN of `−∞ − (−∞)`.
    private static float base(float m) {
        return m == Float.NEGATIVE_INFINITY ? 0 : m;
    }

    static void run(AttentionGrad op, Tensor[] in, Tensor[] out) {
        Tensor q = in[0];
        Tensor k = in[1];
        KeyRuns.check(in[3], in[4], k.shape().axis(1));
        for (long sequence = 0; sequence < q.shape().axis(0); sequence++) {
            for (long kvHead = 0; kvHead < k.shape().axis(2); kvHead++) {
                gradOfGroup(op, in, out, sequence, kvHead);
            }
        }
    }

    /// The query heads that share one key head.
    private static void gradOfGroup(AttentionGrad op, Tensor[] in, Tensor[] out, long sequence, long kvHead) {
        Tensor q = in[0];
        Tensor k = in[1];
        Tensor v = in[2];
        Tensor dy = in[8];
        int queries = Math.toIntExact(q.shape().axis(1));
        int keys = Math.toIntExact(k.shape().axis(1));
        int dim = Math.toIntExact(q.shape().last());
        int group = Math.toIntExact(q.shape().axis(2) / k.shape().axis(2));
        for (int member = 0; member < group; member++) {
            long head = kvHead * group + member;
            var p = new float[queries][keys];
            var ds = new float[queries][keys];
            for (int query = 0; query < queries; query++) {
                float[] ofQ = row(q, sequence, query, head);
                float[] ofDy = row(dy, sequence, query, head);
                float m = element(in[6], sequence, query, head);
                float inverse = 1f / element(in[7], sequence, query, head);
                float delta = dot(ofDy, row(in[5], sequence, query, head));
                for (int key = first(in, sequence, query); key <= last(in, sequence, query); key++) {
                    float s = dot(ofQ, row(k, sequence, key, kvHead)) * op.scale();
                    float dp = dot(ofDy, row(v, sequence, key, kvHead));
                    p[query][key] = Elementary.exp(s - m) * inverse;
                    ds[query][key] = p[query][key] * (dp - delta) * op.scale();
                }
                for (int c = 0; c < dim; c++) {
                    set(out[0], sequence, query, head, c, sumOverKeys(ds[query], k, sequence, kvHead, c, first(in, sequence, query), last(in, sequence, query)));
                }
            }
            for (int key = 0; key < keys; key++) {
                for (int c = 0; c < dim; c++) {
                    float dk = sumOverQueries(ds, q, in, sequence, head, key, c);
                    float dv = sumOverQueries(p, dy, in, sequence, head, key, c);
                    set(out[1], sequence, key, kvHead, c, member == 0 ? dk : element(out[1], sequence, key, kvHead, c) + dk);
                    set(out[2], sequence, key, kvHead, c, member == 0 ? dv : element(out[2], sequence, key, kvHead, c) + dv);
                }
            }
        }
    }

    private static float sumOverKeys(float[] ds, Tensor k, long sequence, long kvHead, int c, int first, int last) {
        var leaves = new Float[leaves(k.shape().axis(1))];
        for (int key = first; key <= last; key++) {
            int leaf = key / ATTENTION_LEAF;
            leaves[leaf] = fma(ds[key], element(k, sequence, key, kvHead, c), leaves[leaf] == null ? 0 : leaves[leaf]);
        }
        Float sum = tree(leaves, Float::sum);
        return sum == null ? 0 : sum;
    }

    /// The sum over the queries that see `key`; `x` is `q` or `dy`.
    private static float sumOverQueries(float[][] weights, Tensor x, Tensor[] in, long sequence, long head, int key, int c) {
        var leaves = new Float[leaves(weights.length)];
        for (int query = 0; query < weights.length; query++) {
            if (first(in, sequence, query) <= key && key <= last(in, sequence, query)) {
                int leaf = query / ATTENTION_LEAF;
                leaves[leaf] = fma(weights[query][key], element(x, sequence, query, head, c), leaves[leaf] == null ? 0 : leaves[leaf]);
            }
        }
        Float sum = tree(leaves, Float::sum);
        return sum == null ? 0 : sum;
    }

    /// The balanced tree by position over leaves of which some are absent (`null`): where one side is absent the other is passed on. Changes `leaves`.
    private static <T> T tree(T[] leaves, BinaryOperator<T> merge) {
        for (int width = leaves.length; width > 1; width = (width + 1) / 2) {
            for (int node = 0; node < (width + 1) / 2; node++) {
                T a = leaves[2 * node];
                T b = 2 * node + 1 < width ? leaves[2 * node + 1] : null;
                leaves[node] = a == null ? b : b == null ? a : merge.apply(a, b);
            }
        }
        return leaves.length == 0 ? null : leaves[0];
    }

    private static int leaves(long count) {
        return Math.toIntExact((count + ATTENTION_LEAF - 1) / ATTENTION_LEAF);
    }

    /// The dot product of [dev.xiaolu.op.MatMul].
    private static float dot(float[] a, float[] b) {
        float[] leaves = new float[(a.length + LEAF - 1) / LEAF];
        for (int i = 0; i < a.length; i++) {
            leaves[i / LEAF] = fma(a[i], b[i], leaves[i / LEAF]);
        }
        return Sums.tree(leaves, leaves.length);
    }

    private static int first(Tensor[] in, long sequence, long query) {
        return KeyRuns.at(in[3], sequence, query);
    }

    private static int last(Tensor[] in, long sequence, long query) {
        return KeyRuns.at(in[4], sequence, query);
    }

    private static float[] row(Tensor x, long sequence, long position, long head) {
        float[] values = new float[Math.toIntExact(x.shape().last())];
        for (int c = 0; c < values.length; c++) {
            values[c] = element(x, sequence, position, head, c);
        }
        return values;
    }

    private static float element(Tensor x, long sequence, long position, long head, int c) {
        return x.data().getAtIndex(JAVA_FLOAT, sequence * x.stride(0) + position * x.stride(1) + head * x.stride(2) + c);
    }

    private static float element(Tensor x, long sequence, long query, long head) {
        return x.data().getAtIndex(JAVA_FLOAT, sequence * x.stride(0) + query * x.stride(1) + head * x.stride(2));
    }

    private static void set(Tensor x, long sequence, long position, long head, int c, float value) {
        x.data().setAtIndex(JAVA_FLOAT, sequence * x.stride(0) + position * x.stride(1) + head * x.stride(2) + c, value);
    }
}
