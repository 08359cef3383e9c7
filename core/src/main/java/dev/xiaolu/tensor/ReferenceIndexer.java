package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static dev.xiaolu.tensor.ReferenceJointAttention.at;
import static dev.xiaolu.tensor.ReferenceJointAttention.base;
import static dev.xiaolu.tensor.ReferenceJointAttention.dot;
import static dev.xiaolu.tensor.ReferenceJointAttention.greater;
import static dev.xiaolu.tensor.ReferenceJointAttention.row;
import static dev.xiaolu.tensor.ReferenceJointAttention.set;
import static java.lang.Math.fma;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.TopEntries;
import java.util.Comparator;
import java.util.stream.IntStream;

/// The definitions of the indexer: its scores, what it chooses, and what it is taught.
final class ReferenceIndexer {
    private ReferenceIndexer() {}

    static void run(IndexScores op, Tensor[] in, Tensor[] out) {
        Tensor q = in[0];
        long entries = in[1].shape().axis(1);
        SeenEntries seen = SeenEntries.of(in[3], false, entries);
        for (long row = 0; row < out[0].shape().rows(); row++) {
            long sequence = row / q.shape().axis(1);
            long query = row % q.shape().axis(1);
            for (long entry = 0; entry < entries; entry++) {
                boolean sees = seen.first(sequence, query) <= entry && entry < seen.end(sequence, query);
                float score = 0;
                for (long head = 0; head < q.shape().axis(2) && sees; head++) {
                    score = fma(at(in[2], sequence, query, head), relu(dot(row(q, sequence, query, head), row(in[1], sequence, entry))), score);
                }
                set(out[0], row * entries + entry, sees ? score : Float.NEGATIVE_INFINITY);
            }
        }
    }

    /// NaN is passed on.
    private static float relu(float x) {
        return x < 0 ? 0 : x;
    }

    static void run(IndexScoresGrad op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[3], false, in[1].shape().axis(1));
        for (long sequence = 0; sequence < in[0].shape().axis(0); sequence++) {
            gradOfSequence(seen, in, out, sequence);
        }
    }

    private static void gradOfSequence(SeenEntries seen, Tensor[] in, Tensor[] out, long sequence) {
        int heads = Math.toIntExact(in[0].shape().axis(2));
        int dim = Math.toIntExact(in[0].shape().last());
        int entries = Math.toIntExact(in[1].shape().axis(1));
        int rows = Math.toIntExact(in[0].shape().axis(1)) * heads;
        float[][] ofK = new float[entries * dim][leaves(rows)];
        for (int row = 0; row < rows; row++) {
            int query = row / heads;
            int head = row % heads;
            float[] q = row(in[0], sequence, query, head);
            float weight = at(in[2], sequence, query, head);
            float[][] ofQ = new float[dim][leaves(entries)];
            float[] ofWeight = new float[leaves(entries)];
            for (int entry = seen.first(sequence, query); entry < seen.end(sequence, query); entry++) {
                float[] k = row(in[1], sequence, entry);
                float d = dot(q, k);
                float dy = at(in[4], sequence, query, entry);
                float g = d > 0 ? dy * weight : 0;
                ofWeight[entry / LEAF] = fma(dy, relu(d), ofWeight[entry / LEAF]);
                for (int c = 0; c < dim; c++) {
                    ofQ[c][entry / LEAF] = fma(g, k[c], ofQ[c][entry / LEAF]);
                    ofK[entry * dim + c][row / LEAF] = fma(g, q[c], ofK[entry * dim + c][row / LEAF]);
                }
            }
            long index = sequence * rows + row;
            for (int c = 0; c < dim; c++) {
                set(out[0], index * dim + c, sum(ofQ[c]));
            }
            set(out[2], index, sum(ofWeight));
        }
        for (int i = 0; i < ofK.length; i++) {
            set(out[1], sequence * ofK.length + i, sum(ofK[i]));
        }
    }

    private static int leaves(int count) {
        return (count + LEAF - 1) / LEAF;
    }

    /// The tree over leaves, with +0 for −0.
    private static float sum(float[] leaves) {
        return Sums.tree(leaves, leaves.length) + 0f;
    }

    static void run(TopEntries op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[1], false, in[0].shape().axis(2));
        int places = Math.toIntExact(out[0].shape().last());
        long queries = in[0].shape().axis(1);
        for (long index = 0; index < out[0].shape().rows(); index++) {
            float[] scores = row(in[0], index / queries, index % queries);
            int[] chosen = IntStream.range(seen.first(index / queries, index % queries), seen.end(index / queries, index % queries)).boxed()
                    .sorted(Comparator.comparingDouble((Integer entry) -> -rank(scores[entry]))).limit(places)   // a stable sort: ties stay ascending
                    .mapToInt(entry -> entry).sorted().toArray();
            for (int place = 0; place < places; place++) {
                out[0].data().setAtIndex(JAVA_INT, index * places + place, place < chosen.length ? chosen[place] : -1);
            }
        }
    }

    /// NaN ranks as −∞, and −0 as +0.
    private static double rank(float score) {
        return score == score ? score + 0.0 : Double.NEGATIVE_INFINITY;
    }

    static void run(IndexLoss op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[2], op.gathered(), in[0].shape().axis(2));
        long queries = in[0].shape().axis(1);
        for (long index = 0; index < out[0].shape().size(); index++) {
            int first = seen.first(index / queries, index % queries);
            float[] x = scores(seen, in[0], index / queries, index % queries);
            float[] t = row(in[1], index / queries, index % queries);
            float m = Float.NEGATIVE_INFINITY;
            for (float score : x) {
                m = greater(m, score);
            }
            float[] lanes = new float[LANES];
            for (int i = 0; i < x.length; i++) {
                lanes[(first + i) % LANES] += Elementary.exp(x[i] - base(m));
            }
            float l = Sums.halve(lanes);
            float logOfL = Elementary.log(l);
            float[] terms = new float[LANES];
            for (int i = 0; i < x.length; i++) {
                float share = t[first + i];
                if (share != 0) {
                    terms[(first + i) % LANES] = fma(share, Elementary.log(share) - (x[i] - base(m) - logOfL), terms[(first + i) % LANES]);
                }
            }
            set(out[0], index, Sums.halve(terms));
            set(out[1], index, m);
            set(out[2], index, l);
        }
    }

    static void run(IndexLossGrad op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[2], op.gathered(), in[0].shape().axis(2));
        long queries = in[0].shape().axis(1);
        long entries = in[0].shape().axis(2);
        for (long index = 0; index < in[0].shape().rows(); index++) {
            long sequence = index / queries;
            long query = index % queries;
            int first = seen.first(sequence, query);
            float[] x = scores(seen, in[0], sequence, query);
            float[] t = row(in[1], sequence, query);
            float[] lanes = new float[LANES];
            for (int i = 0; i < x.length; i++) {
                lanes[(first + i) % LANES] += t[first + i];
            }
            float mass = Sums.halve(lanes);
            float m = at(in[3], sequence, query);
            float r = 1 / at(in[4], sequence, query);
            for (long entry = 0; entry < entries; entry++) {
                set(out[0], index * entries + entry, 0);
            }
            for (int i = 0; i < x.length; i++) {
                float p = Elementary.exp(x[i] - base(m)) * r;
                set(out[0], index * entries + seen.index(sequence, query, first + i), fma(p, mass, -t[first + i]) * at(in[5], sequence, query));
            }
        }
    }

    /// The scores of the entries that a query sees.
    private static float[] scores(SeenEntries seen, Tensor given, long sequence, long query) {
        int first = seen.first(sequence, query);
        float[] scores = new float[seen.end(sequence, query) - first];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = at(given, sequence, query, seen.index(sequence, query, first + i));
        }
        return scores;
    }
}
