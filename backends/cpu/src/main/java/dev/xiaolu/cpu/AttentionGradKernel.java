package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.KeyRuns;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// Gradients of attention: one key head of one sequence is a unit of work, and its queries go by in ascending order.
///
/// A query's scores and their gradients are worked out over all its keys at once, from keys and values turned to `[dim, keys]`. Its weights are then added to its own gradient,
/// leaf by leaf of keys, and to those of its keys, whose sums over a leaf of queries wait for their right sides in a binary counter. Heads above 256 channels go to the reference.
final class AttentionGradKernel implements Kernel<AttentionGrad> {
    private final Workers workers;
    private final Reference reference = new Reference();
    private Space[] spaces = {};

    AttentionGradKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(AttentionGrad op, Tensor[] in, Tensor[] out) {
        int queries = Math.toIntExact(in[0].shape().axis(1));
        int keys = Math.toIntExact(in[1].shape().axis(1));
        int dim = Math.toIntExact(in[0].shape().last());
        if (dim > LEAF) {
            reference.run(op, in, out);
            return;
        }
        KeyRuns.check(in[3], in[4], keys);
        if (spaces.length == 0 || spaces[0].queries != queries || spaces[0].keys != keys || spaces[0].dim != dim) {
            spaces = new Space[workers.threads()];
            Arrays.setAll(spaces, _ -> new Space(queries, keys, dim));
        }
        long kvHeads = in[1].shape().axis(2);
        long units = in[1].shape().axis(0) * kvHeads;
        workers.share(workers.threads(), 1, (from, to) -> {
            for (long thread = from; thread < to; thread++) {
                for (long unit = units * thread / workers.threads(); unit < units * (thread + 1) / workers.threads(); unit++) {
                    spaces[(int) thread].run(op.scale(), in, out, unit / kvHeads, unit % kvHeads);
                }
            }
        });
    }

    /// The arrays of one worker, kept between calls of the same sizes.
    private static final class Space {
        private final int queries;
        private final int keys;
        private final int dim;
        private final int wide;                                  // dim, padded to whole vectors
        private final int across;                                // keys, padded likewise
        private final float[] turnedK;                           // [dim, across]
        private final float[] turnedV;
        private final float[] k;                                 // [keys, wide]
        private final float[] q;                                 // [wide]
        private final float[] dy;
        private final float[] p;                                 // [across]: probabilities
        private final float[] ds;                                // gradients of the scores
        private final Counter ofQuery;
        private final Counter ofK;
        private final Counter ofV;
        private final float[] headsOfK;                          // [keys, wide]: sums of the heads so far
        private final float[] headsOfV;

        Space(int queries, int keys, int dim) {
            this.queries = queries;
            this.keys = keys;
            this.dim = dim;
            wide = (dim + LANES - 1) / LANES * LANES;
            across = (keys + LANES - 1) / LANES * LANES;
            turnedK = new float[dim * across];
            turnedV = new float[dim * across];
            k = new float[keys * wide];
            q = new float[wide];
            dy = new float[wide];
            p = new float[across];
            ds = new float[across];
            ofQuery = new Counter(1, wide, keys);
            ofK = new Counter(keys, wide, queries);
            ofV = new Counter(keys, wide, queries);
            headsOfK = new float[keys * wide];
            headsOfV = new float[keys * wide];
        }

        void run(float scale, Tensor[] in, Tensor[] out, long sequence, long kvHead) {
            long group = in[0].shape().axis(2) / in[1].shape().axis(2);
            for (int key = 0; key < keys; key++) {
                MemorySegment row = in[1].data();
                long at = 4 * (sequence * in[1].stride(0) + key * in[1].stride(1) + kvHead * in[1].stride(2));
                MemorySegment other = in[2].data();
                long ofOther = 4 * (sequence * in[2].stride(0) + key * in[2].stride(1) + kvHead * in[2].stride(2));
                for (int c = 0; c < dim; c++) {
                    float one = row.get(JAVA_FLOAT_UNALIGNED, at + 4L * c);
                    k[key * wide + c] = one;
                    turnedK[c * across + key] = one;
                    turnedV[c * across + key] = other.get(JAVA_FLOAT_UNALIGNED, ofOther + 4L * c);
                }
            }
            for (long member = 0; member < group; member++) {
                head(scale, in, out, sequence, kvHead * group + member);
                ofK.finish();
                ofV.finish();
                if (member == 0) {
                    System.arraycopy(ofK.sums(), 0, headsOfK, 0, headsOfK.length);
                    System.arraycopy(ofV.sums(), 0, headsOfV, 0, headsOfV.length);
                } else {
                    add(headsOfK, ofK.sums(), headsOfK.length);
                    add(headsOfV, ofV.sums(), headsOfV.length);
                }
            }
            for (int key = 0; key < keys; key++) {
                write(headsOfK, key * wide, out[1], sequence, key, kvHead);
                write(headsOfV, key * wide, out[2], sequence, key, kvHead);
            }
        }

        private void head(float scale, Tensor[] in, Tensor[] out, long sequence, long head) {
            ofK.clear();
            ofV.clear();
            for (int query = 0; query < queries; query++) {
                if (query % ATTENTION_LEAF == 0 && query > 0) {
                    ofK.close();
                    ofV.close();
                }
                int first = KeyRuns.at(in[3], sequence, query);
                int last = KeyRuns.at(in[4], sequence, query);
                ofQuery.clear();
                if (first <= last) {
                    weights(scale, in, sequence, query, head, first, last);
                    for (int key = first; key <= last; key++) {
                        ofK.add(key, ds[key], q);
                        ofV.add(key, p[key], dy);
                    }
                    for (int leaf = 0; leaf <= last / ATTENTION_LEAF; leaf++) {
                        int to = Math.min(last, leaf * ATTENTION_LEAF + ATTENTION_LEAF - 1);
                        ofQuery.chain(ds, k, wide, Math.max(first, leaf * ATTENTION_LEAF), to);
                        ofQuery.close();
                    }
                }
                ofQuery.finish();
                write(ofQuery.sums(), 0, out[0], sequence, query, head);
            }
        }

        /// Probabilities and gradients of the scores of one query, for its keys; also reads `q` and `dy`.
        private void weights(float scale, Tensor[] in, long sequence, long query, long head, int first, int last) {
            float delta = 0;
            for (int c = 0; c < dim; c++) {
                q[c] = in[0].data().get(JAVA_FLOAT_UNALIGNED, at(in[0], sequence, query, head) + 4L * c);
                dy[c] = in[8].data().get(JAVA_FLOAT_UNALIGNED, at(in[8], sequence, query, head) + 4L * c);
                delta = Math.fma(dy[c], in[5].data().get(JAVA_FLOAT_UNALIGNED, at(in[5], sequence, query, head) + 4L * c), delta);
            }
            float m = in[6].data().get(JAVA_FLOAT_UNALIGNED, 4 * (sequence * in[6].stride(0) + query * in[6].stride(1) + head * in[6].stride(2)));
            float share = 1 / in[7].data().get(JAVA_FLOAT_UNALIGNED, 4 * (sequence * in[7].stride(0) + query * in[7].stride(1) + head * in[7].stride(2)));
            int start = first / LANES * LANES;
            for (int key = start; key <= last; key += LANES) {
                FloatVector score = FloatVector.zero(FLOATS);
                FloatVector dp = FloatVector.zero(FLOATS);
                for (int c = 0; c < dim; c++) {
                    score = FloatVector.broadcast(FLOATS, q[c]).fma(FloatVector.fromArray(FLOATS, turnedK, c * across + key), score);
                    dp = FloatVector.broadcast(FLOATS, dy[c]).fma(FloatVector.fromArray(FLOATS, turnedV, c * across + key), dp);
                }
                score.mul(scale).sub(m).intoArray(p, key);
                dp.sub(delta).intoArray(ds, key);
            }
            for (int key = start; key <= last; key += LANES) {
                FloatVector share_ = VectorElementary.exp(FloatVector.fromArray(FLOATS, p, key)).mul(share);
                share_.intoArray(p, key);
                share_.mul(FloatVector.fromArray(FLOATS, ds, key)).mul(scale).intoArray(ds, key);
            }
        }

        private static long at(Tensor tensor, long sequence, long position, long head) {
            return 4 * (sequence * tensor.stride(0) + position * tensor.stride(1) + head * tensor.stride(2));
        }

        private void write(float[] from, int row, Tensor to, long sequence, long position, long head) {
            MemorySegment.copy(from, row, to.data(), JAVA_FLOAT_UNALIGNED, at(to, sequence, position, head), dim);
        }
    }

    /// Rows of sums that grow in chains, leaf after leaf, and are merged in the balanced tree by the leaf's index; a row without a term in a leaf is absent there.
    private static final class Counter {
        private final int rows;
        private final int wide;
        private final float[][] levels;                          // the leaf that grows is 0; level n + 1 holds what waits for a right side of 2^n leaves
        private final boolean[][] present;
        private int leaves;

        Counter(int rows, int wide, int summed) {
            this.rows = rows;
            this.wide = wide;
            int count = 2 + 32 - Integer.numberOfLeadingZeros((summed + ATTENTION_LEAF - 1) / ATTENTION_LEAF);
            levels = new float[count][rows * wide];
            present = new boolean[count][rows];
        }

        void clear() {
            leaves = 0;
            clear(0);
        }

        /// `row = fma(factor, term, row)`.
        void add(int row, float factor, float[] term) {
            float[] sums = levels[0];
            present[0][row] = true;
            FloatVector by = FloatVector.broadcast(FLOATS, factor);
            for (int c = 0; c < wide; c += LANES) {
                by.fma(FloatVector.fromArray(FLOATS, term, c), FloatVector.fromArray(FLOATS, sums, row * wide + c)).intoArray(sums, row * wide + c);
            }
        }

        /// Row 0 grows by `factors[i] · terms[i]` for `i` from `from` to `to`, both included.
        void chain(float[] factors, float[] terms, int perTerm, int from, int to) {
            present[0][0] |= from <= to;
            for (int c = 0; c < wide; c += LANES) {
                FloatVector sum = FloatVector.fromArray(FLOATS, levels[0], c);
                for (int i = from; i <= to; i++) {
                    sum = FloatVector.broadcast(FLOATS, factors[i]).fma(FloatVector.fromArray(FLOATS, terms, i * perTerm + c), sum);
                }
                sum.intoArray(levels[0], c);
            }
        }

        /// Ends the leaf that grows; the next one starts from +0.
        void close() {
            int level = 1;
            for (int left = leaves; (left & 1) == 1; left >>= 1, level++) {
                merge(level);
            }
            swap(level);
            clear(0);
            leaves++;
        }

        /// Merges what waits; the sums are in [#sums], absent ones +0.
        void finish() {
            int left = leaves;
            for (int level = 1; left > 0; left >>= 1, level++) {
                if ((left & 1) == 1) {
                    merge(level);
                }
            }
        }

        float[] sums() {
            return levels[0];
        }

        /// Level 0 becomes the sum of a level, on its left, and itself.
        private void merge(int level) {
            float[] left = levels[level];
            float[] right = levels[0];
            for (int row = 0; row < rows; row++) {
                if (present[level][row] && present[0][row]) {
                    for (int c = row * wide; c < (row + 1) * wide; c += LANES) {
                        FloatVector.fromArray(FLOATS, left, c).add(FloatVector.fromArray(FLOATS, right, c)).intoArray(right, c);
                    }
                } else if (present[level][row]) {
                    System.arraycopy(left, row * wide, right, row * wide, wide);
                    present[0][row] = true;
                }
            }
        }

        private void swap(int level) {
            float[] sums = levels[level];
            boolean[] there = present[level];
            levels[level] = levels[0];
            present[level] = present[0];
            levels[0] = sums;
            present[0] = there;
        }

        private void clear(int level) {
            Arrays.fill(levels[level], 0);
            Arrays.fill(present[level], false);
        }
    }

    private static void add(float[] to, float[] from, int count) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector.fromArray(FLOATS, to, i).add(FloatVector.fromArray(FLOATS, from, i)).intoArray(to, i);
        }
    }
}
