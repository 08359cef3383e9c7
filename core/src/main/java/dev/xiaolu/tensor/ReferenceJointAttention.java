package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static dev.xiaolu.op.Numerics.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.Math.fma;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import java.util.function.BinaryOperator;
import java.util.function.IntUnaryOperator;

/// The definition of joint attention and of its gradients: each row by itself, side after side, leaf after leaf, then the tree.
final class ReferenceJointAttention {
    /// What some keys say to one row: the greatest score, the sum of exponentials, the weighted values `[dim]`.
    private record Part(float m, float l, float[] o) {}

    /// The keys of one side that a query sees: their numbers `from` to `to` (none where `to < from`) and, by number, the rows of `keys` in which they lie.
    private record Side(Tensor keys, long sequence, int from, int to, IntUnaryOperator rows) {
        int row(int number) {
            return rows.applyAsInt(number);
        }

        float[] key(int number) {
            return ReferenceJointAttention.row(keys, sequence, row(number));
        }

        /// The part of the side before its last division, `null` where nothing is seen.
        <T> T tree(LeafOf<T> leafOf, BinaryOperator<T> merge) {
            return from > to ? null : node(levels(to), 0, leafOf, merge);
        }

        /// The node over the leaves `index · 2^level` up to the next node's; where one child is absent (`null`) the other is passed on.
        private <T> T node(int level, int index, LeafOf<T> leafOf, BinaryOperator<T> merge) {
            int start = Math.max(from, (int) Math.min(Integer.MAX_VALUE, ((long) index << level) * ATTENTION_LEAF));
            int end = (int) Math.min(to, ((long) index + 1 << level) * ATTENTION_LEAF - 1);
            if (start > end) {
                return null;
            }
            if (level == 0) {
                return leafOf.leaf(start, end);
            }
            T a = node(level - 1, 2 * index, leafOf, merge);
            T b = node(level - 1, 2 * index + 1, leafOf, merge);
            return a == null ? b : b == null ? a : merge.apply(a, b);
        }

        private static int levels(int last) {
            return 32 - Integer.numberOfLeadingZeros(last / ATTENTION_LEAF);
        }
    }

    private interface LeafOf<T> {
        T leaf(int from, int to);
    }

    private ReferenceJointAttention() {}

    static void run(JointAttention op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = check(in, op.gathered());
        Tensor q = in[0];
        int dim = Math.toIntExact(q.shape().last());
        long heads = q.shape().axis(2);
        for (long index = 0; index < q.shape().rows(); index++) {
            long head = index % heads;
            long query = index / heads % q.shape().axis(1);
            long sequence = index / heads / q.shape().axis(1);
            float[] of = row(q, sequence, query, head);
            Part entries = part(entries(in[2], seen, sequence, query), of, op.scale());
            Part raw = part(raw(in, sequence, query), of, op.scale());
            Part keys = entries == null ? raw : raw == null ? entries : merge(entries, raw);
            float sink = sink(in, head);
            Part sinkAlone = new Part(sink, 1, new float[dim]);
            Part all = keys == null ? null : merge(keys, sinkAlone);
            float inverse = all == null ? 0 : 1 / all.l;
            for (int c = 0; c < dim; c++) {
                out[0].data().setAtIndex(JAVA_FLOAT, index * dim + c, all == null ? 0 : all.o[c] * inverse);
            }
            float m = all == null ? greater(Float.NEGATIVE_INFINITY, sink) : all.m;
            out[1].data().setAtIndex(JAVA_FLOAT, index, m);
            out[2].data().setAtIndex(JAVA_FLOAT, index, all == null ? Elementary.exp(sink - base(m)) : all.l);
        }
    }

    private static SeenEntries check(Tensor[] in, boolean gathered) {
        SeenKeys.checkRuns(in[4], in[5], in[6], in[1].shape().axis(1));
        return SeenEntries.of(in[7], gathered, in[2].shape().axis(1));
    }

    private static Side raw(Tensor[] in, long sequence, long query) {
        int origin = in[6].data().getAtIndex(JAVA_INT, sequence * in[6].stride(0));
        int first = SeenKeys.at(in[4], sequence, query);
        int last = SeenKeys.at(in[5], sequence, query);
        int rows = Math.toIntExact(in[1].shape().axis(1));
        return first > last ? new Side(in[1], sequence, 0, -1, _ -> 0) : new Side(in[1], sequence, origin + first, origin + last, position -> (position - origin) % rows);
    }

    private static Side entries(Tensor entries, SeenEntries seen, long sequence, long query) {
        return new Side(entries, sequence, seen.first(sequence, query), seen.end(sequence, query) - 1, number -> seen.index(sequence, query, number));
    }

    private static Part part(Side side, float[] q, float scale) {
        return side.tree((from, to) -> leaf(side, q, from, to, scale), ReferenceJointAttention::merge);
    }

    /// The keys `from` to `to` of one leaf, both included.
    private static Part leaf(Side side, float[] q, int from, int to, float scale) {
        float[] p = new float[to - from + 1];
        float m = Float.NEGATIVE_INFINITY;
        for (int key = from; key <= to; key++) {
            p[key - from] = dot(q, side.key(key)) * scale;
            m = greater(m, p[key - from]);
        }
        float[] lanes = new float[LANES];
        float[] o = new float[q.length];
        for (int key = from; key <= to; key++) {
            p[key - from] = Elementary.exp(p[key - from] - base(m));
            lanes[key % LANES] += p[key - from];
            float[] v = side.key(key);
            for (int c = 0; c < o.length; c++) {
                o[c] = fma(p[key - from], v[c], o[c]);
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
    static float greater(float m, float value) {
        return value > m ? value + 0f : m;
    }

    /// What exponents are taken relative to: −∞ would make NaN of `−∞ − (−∞)`.
    static float base(float m) {
        return m == Float.NEGATIVE_INFINITY ? 0 : m;
    }

    static void run(JointAttentionGrad op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = check(in, op.gathered());
        for (long sequence = 0; sequence < in[0].shape().axis(0); sequence++) {
            new Rows(op, seen, in, out, sequence).run();
        }
        sinks(op, seen, in, out[3]);
    }

    /// The gradients of one sequence; a row is `query · heads + head`.
    private static final class Rows {
        final JointAttentionGrad op;
        final SeenEntries seen;
        final Tensor[] in;
        final Tensor[] out;
        final long sequence;
        final int heads;
        final int dim;
        final float[][] q;
        final float[][] dy;
        final float[][] ofRaw;                                   // by raw row, a chain of leaves [dim] as the rows of q come
        final float[][] ofEntries;

        Rows(JointAttentionGrad op, SeenEntries seen, Tensor[] in, Tensor[] out, long sequence) {
            this.op = op;
            this.seen = seen;
            this.in = in;
            this.out = out;
            this.sequence = sequence;
            heads = Math.toIntExact(in[0].shape().axis(2));
            dim = Math.toIntExact(in[0].shape().last());
            int rows = Math.toIntExact(in[0].shape().axis(1)) * heads;
            q = new float[rows][];
            dy = new float[rows][];
            for (int row = 0; row < rows; row++) {
                q[row] = row(in[0], sequence, row / heads, row % heads);
                dy[row] = row(in[11], sequence, row / heads, row % heads);
            }
            int leaves = (rows + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
            ofRaw = new float[Math.toIntExact(in[1].shape().axis(1))][leaves * dim];
            ofEntries = new float[Math.toIntExact(in[2].shape().axis(1))][leaves * dim];
        }

        void run() {
            for (int leaf = 0; leaf * ATTENTION_LEAF < q.length; leaf++) {
                leaf(leaf);
            }
            write(ofRaw, out[1]);
            write(ofEntries, out[2]);
        }

        /// One leaf of rows: their own gradients, and the leaf's chains for the keys they see.
        private void leaf(int leaf) {
            int from = leaf * ATTENTION_LEAF;
            int to = Math.min(q.length, from + ATTENTION_LEAF);
            var p = new float[2][to - from][];
            for (int row = from; row < to; row++) {
                float[][] dq = new float[2][];
                for (int side = 0; side < 2; side++) {
                    Side keys = side(side, row);
                    p[side][row - from] = new float[Math.max(0, keys.to - keys.from + 1)];
                    float[] ds = p[side][row - from].clone();
                    gradients(keys, row, p[side][row - from], ds);
                    dq[side] = keys.tree((start, end) -> chain(keys, ds, start, end), ReferenceJointAttention::add);
                    for (int key = keys.from; key <= keys.to; key++) {
                        add(ds[key - keys.from], q[row], chains(side)[keys.row(key)], leaf * dim);
                    }
                }
                for (int c = 0; c < dim; c++) {
                    float sum = dq[0] == null ? dq[1] == null ? 0 : dq[1][c] : dq[1] == null ? dq[0][c] : dq[0][c] + dq[1][c];
                    set(out[0], ((sequence * in[0].shape().axis(1)) * heads + row) * dim + c, sum + 0f);
                }
            }
            for (int row = from; row < to; row++) {
                for (int side = 0; side < 2; side++) {
                    Side keys = side(side, row);
                    for (int key = keys.from; key <= keys.to; key++) {
                        add(p[side][row - from][key - keys.from], dy[row], chains(side)[keys.row(key)], leaf * dim);
                    }
                }
            }
        }

        private Side side(int side, int row) {
            return side == 0 ? entries(in[2], seen, sequence, row / heads) : raw(in, sequence, row / heads);
        }

        private float[][] chains(int side) {
            return side == 0 ? ofEntries : ofRaw;
        }

        /// Probabilities and gradients of the scores of one row.
        private void gradients(Side keys, int row, float[] p, float[] ds) {
            int query = row / heads;
            int head = row % heads;
            float m = at(in[9], sequence, query, head);
            float inverse = 1 / at(in[10], sequence, query, head);
            float delta = dot(dy[row], row(in[8], sequence, query, head));
            for (int key = keys.from; key <= keys.to; key++) {
                float[] k = keys.key(key);
                p[key - keys.from] = Elementary.exp(dot(q[row], k) * op.scale() - m) * inverse;
                ds[key - keys.from] = p[key - keys.from] * (dot(dy[row], k) - delta) * op.scale();
            }
        }

        private float[] chain(Side keys, float[] ds, int start, int end) {
            float[] sum = new float[dim];
            for (int key = start; key <= end; key++) {
                float[] k = keys.key(key);
                for (int c = 0; c < dim; c++) {
                    sum[c] = fma(ds[key - keys.from], k[c], sum[c]);
                }
            }
            return sum;
        }

        private void add(float weight, float[] x, float[] chains, int at) {
            for (int c = 0; c < dim; c++) {
                chains[at + c] = fma(weight, x[c], chains[at + c]);
            }
        }

        /// The tree over leaves of rows: those in which no row sees the key hold +0.
        private void write(float[][] chains, Tensor gradient) {
            int leaves = (q.length + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
            float[] ofLeaves = new float[leaves];
            for (int key = 0; key < chains.length; key++) {
                for (int c = 0; c < dim; c++) {
                    for (int leaf = 0; leaf < leaves; leaf++) {
                        ofLeaves[leaf] = chains[key][leaf * dim + c];
                    }
                    set(gradient, (sequence * chains.length + key) * dim + c, Sums.tree(ofLeaves, leaves) + 0f);
                }
            }
        }
    }

    private static float[] add(float[] a, float[] b) {
        float[] sum = new float[a.length];
        for (int c = 0; c < sum.length; c++) {
            sum[c] = a[c] + b[c];
        }
        return sum;
    }

    private static void sinks(JointAttentionGrad op, SeenEntries seen, Tensor[] in, Tensor dsink) {
        long queries = in[0].shape().axis(1);
        long heads = in[0].shape().axis(2);
        int rows = Math.toIntExact(in[0].shape().axis(0) / op.leaves() * queries);
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            for (long head = 0; head < heads; head++) {
                float[] sums = new float[(rows + LEAF - 1) / LEAF];
                for (int row = 0; row < rows; row++) {
                    long sequence = ((long) leaf * rows + row) / queries;
                    long query = row % queries;
                    Side raw = raw(in, sequence, query);
                    if (raw.from <= raw.to || seen.first(sequence, query) < seen.end(sequence, query)) {
                        float p = Elementary.exp(sink(in, head) - at(in[9], sequence, query, head)) * (1 / at(in[10], sequence, query, head));
                        float delta = dot(row(in[11], sequence, query, head), row(in[8], sequence, query, head));
                        sums[row / LEAF] = fma(-p, delta, sums[row / LEAF]);
                    }
                }
                set(dsink, leaf * heads + head, Sums.tree(sums, sums.length));
            }
        }
    }

    static void run(AttentionShare op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[4], op.gathered(), in[1].shape().axis(1));
        int heads = Math.toIntExact(in[0].shape().axis(2));
        int places = Math.toIntExact(out[0].shape().last());
        for (long row = 0; row < out[0].shape().rows(); row++) {
            long sequence = row / in[0].shape().axis(1);
            long query = row % in[0].shape().axis(1);
            Side keys = entries(in[1], seen, sequence, query);
            float[] share = new float[places];
            float[] lanes = new float[LANES];
            for (int key = keys.from; key <= keys.to; key++) {
                float[] k = keys.key(key);
                for (int head = 0; head < heads; head++) {
                    float s = dot(row(in[0], sequence, query, head), k) * op.scale();
                    float p = Elementary.exp(s - at(in[2], sequence, query, head)) * (1 / at(in[3], sequence, query, head));
                    share[key] = head == 0 ? p : share[key] + p;
                }
                lanes[key % LANES] += share[key];
            }
            float total = Sums.halve(lanes);
            for (int place = 0; place < places; place++) {
                set(out[0], row * places + place, place < keys.from || place > keys.to || total == 0 ? 0 : share[place] / total);
            }
        }
    }

    /// The dot product of [dev.xiaolu.op.MatMul].
    static float dot(float[] a, float[] b) {
        float[] leaves = new float[(a.length + LEAF - 1) / LEAF];
        for (int i = 0; i < a.length; i++) {
            leaves[i / LEAF] = fma(a[i], b[i], leaves[i / LEAF]);
        }
        return Sums.tree(leaves, leaves.length);
    }

    private static float sink(Tensor[] in, long head) {
        return in[3].data().getAtIndex(JAVA_FLOAT, head * in[3].stride(0)) + 0f;
    }

    /// A row of `[batch, rows, dim]` or, with a head, of `[batch, queries, heads, dim]`.
    static float[] row(Tensor x, long... indices) {
        float[] values = new float[Math.toIntExact(x.shape().last())];
        long start = offset(x, indices);
        for (int c = 0; c < values.length; c++) {
            values[c] = x.data().getAtIndex(JAVA_FLOAT, start + c);
        }
        return values;
    }

    static float at(Tensor x, long... indices) {
        return x.data().getAtIndex(JAVA_FLOAT, offset(x, indices));
    }

    private static long offset(Tensor x, long... indices) {
        long offset = 0;
        for (int axis = 0; axis < indices.length; axis++) {
            offset += indices[axis] * x.stride(axis);
        }
        return offset;
    }

    static void set(Tensor contiguous, long index, float value) {
        contiguous.data().setAtIndex(JAVA_FLOAT, index, value);
    }
}
