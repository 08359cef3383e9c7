package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.op.Numerics.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.SeenEntries;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// The indexer's objective and its gradient, query by query: what the query sees is gathered into rows of whole lanes first.
final class IndexLossKernels {
    private final Workers workers;
    private final Row[] team;

    IndexLossKernels(Workers workers) {
        this.workers = workers;
        team = new Row[workers.threads()];
        Arrays.setAll(team, _ -> new Row());
    }

    void forward(IndexLoss op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[2], op.gathered(), in[0].shape().axis(2));
        share(out[0].shape().size(), (row, index) -> {
            row.read(seen, in, index);
            row.sum(row.exponentials);
            float l = Halving.halve(row.lanes);
            row.terms(Elementary.log(l));
            out[0].data().setAtIndex(JAVA_FLOAT, index, Halving.halve(row.lanes));
            out[1].data().setAtIndex(JAVA_FLOAT, index, row.greatest);
            out[2].data().setAtIndex(JAVA_FLOAT, index, l);
        });
    }

    void gradient(IndexLossGrad op, Tensor[] in, Tensor[] out) {
        SeenEntries seen = SeenEntries.of(in[2], op.gathered(), in[0].shape().axis(2));
        MemorySegment dscores = out[0].data();
        long queries = in[0].shape().axis(1);
        long entries = in[0].shape().axis(2);
        share(in[0].shape().rows(), (row, index) -> {
            long sequence = index / queries;
            long query = index % queries;
            row.read(seen, in, index, in[3].data().getAtIndex(JAVA_FLOAT, sequence * in[3].stride(0) + query * in[3].stride(1)));
            row.sum(row.shares);
            float mass = Halving.halve(row.lanes);
            float r = 1 / in[4].data().getAtIndex(JAVA_FLOAT, sequence * in[4].stride(0) + query * in[4].stride(1));
            float dloss = in[5].data().getAtIndex(JAVA_FLOAT, sequence * in[5].stride(0) + query * in[5].stride(1));
            dscores.asSlice(4 * index * entries, 4 * entries).fill((byte) 0);
            for (int i = row.from; i < row.to; i++) {
                dscores.setAtIndex(JAVA_FLOAT, index * entries + seen.index(sequence, query, row.start + i), Math.fma(row.exponentials[i] * r, mass, -row.shares[i]) * dloss);
            }
        });
    }

    /// Work of one thread on one query.
    private interface Unit {
        void run(Row row, long index);
    }

    private void share(long count, Unit work) {
        int threads = workers.threads();
        workers.share(Math.min(count, threads), 1, (part, _) -> {
            for (long index = part; index < count; index += threads) {
                work.run(team[(int) part], index);
            }
        });
    }

    /// What one query sees, in arrays of whole lanes that are kept between calls; before the first and behind the last, scores are −∞ and shares +0.
    private static final class Row {
        final float[] lanes = new float[LANES];
        float[] scores = {};
        float[] shares = {};
        float[] exponentials = {};                               // exp(score − base), later the logarithms of the shares
        int start;                                               // number of what lies at 0: it has lane 0
        int from;                                                // where the first lies
        int to;                                                  // and behind the last
        float greatest;
        private int whole;                                       // `to`, padded to whole lanes
        private float base;

        /// Reads a query and the exponentials of its scores relative to the greatest.
        void read(SeenEntries seen, Tensor[] in, long index) {
            gather(seen, in, index);
            float m = Float.NEGATIVE_INFINITY;
            for (int i = from; i < to; i++) {
                m = scores[i] > m ? scores[i] + 0f : m;
            }
            exponentials(m);
        }

        /// The same, relative to a greatest score that is known.
        void read(SeenEntries seen, Tensor[] in, long index, float m) {
            gather(seen, in, index);
            exponentials(m);
        }

        private void gather(SeenEntries seen, Tensor[] in, long index) {
            long queries = in[0].shape().axis(1);
            long sequence = index / queries;
            long query = index % queries;
            int first = seen.first(sequence, query);
            start = first & -LANES;
            from = first - start;
            to = seen.end(sequence, query) - start;
            whole = (to + LANES - 1) & -LANES;
            if (scores.length < whole) {
                scores = new float[whole];
                shares = new float[whole];
                exponentials = new float[whole];
            }
            long ofScores = sequence * in[0].stride(0) + query * in[0].stride(1);
            long ofShares = sequence * in[1].stride(0) + query * in[1].stride(1);
            Arrays.fill(scores, 0, from, Float.NEGATIVE_INFINITY);
            Arrays.fill(shares, 0, from, 0);
            for (int i = from; i < to; i++) {
                scores[i] = in[0].data().getAtIndex(JAVA_FLOAT, ofScores + seen.index(sequence, query, start + i));
                shares[i] = in[1].data().getAtIndex(JAVA_FLOAT, ofShares + start + i);
            }
            Arrays.fill(scores, to, whole, Float.NEGATIVE_INFINITY);
            Arrays.fill(shares, to, whole, 0);
        }

        private void exponentials(float m) {
            greatest = m;
            base = m == Float.NEGATIVE_INFINITY ? 0 : m;
            System.arraycopy(scores, 0, exponentials, 0, whole);
            AttentionRows.exponentialLoop(exponentials, 0, whole, base);
        }

        /// The sums of the lanes of `x`.
        void sum(float[] x) {
            Arrays.fill(lanes, 0);
            for (int i = 0; i < whole; i += LANES) {
                for (int lane = 0; lane < LANES; lane++) {
                    lanes[lane] += x[i + lane];
                }
            }
        }

        private static void logarithmLoop(float[] of, float[] to, int count) {
            for (int i = 0; i < count; i += Vectors.LANES) {
                VectorElementary.log(FloatVector.fromArray(FLOATS, of, i)).intoArray(to, i);
            }
        }

        /// The lanes' sums of the divergence.
        void terms(float logOfL) {
            logarithmLoop(shares, exponentials, whole);
            Arrays.fill(lanes, 0);
            for (int i = from; i < to; i++) {
                if (shares[i] != 0) {
                    lanes[i % LANES] = Math.fma(shares[i], exponentials[i] - (scores[i] - base - logOfL), lanes[i % LANES]);
                }
            }
        }
    }
}
