package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.tensor.Sums;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// Look-up in a table, and its gradient: a stable sort of the rows by id, then sums in the contract's order.
final class EmbedKernels {
    private final Workers workers;
    /// Where the sources of each id start in [#sources]; one more at the end.
    private int[] starts = new int[0];
    /// Byte positions of the rows of `dy`, those of one id together and in ascending order.
    private long[] sources = new long[0];

    EmbedKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(Embed op, Tensor[] in, Tensor[] out) {
        Tensor weight = in[0];
        Tensor ids = in[1];
        MemorySegment y = out[0].data();
        long hidden = weight.shape().last();
        workers.share(ids.shape().size(), 64, (from, to) -> {
            for (long row = from; row < to; row++) {
                int id = id(ids, row, weight.shape().axis(0));
                MemorySegment.copy(weight.data(), 4 * id * weight.stride(0), y, 4 * row * hidden, 4 * hidden);
            }
        });
    }

    void gradient(EmbedGrad op, Tensor[] in, Tensor[] out) {
        Tensor dy = in[0];
        Tensor ids = in[1];
        MemorySegment dweight = out[0].data();
        int hidden = (int) dy.shape().last();
        int rows = (int) (ids.shape().size() / op.leaves());
        workers.share((long) op.leaves() * op.vocab(), 64, (from, to) -> dweight.asSlice(4 * from * hidden, 4 * (to - from) * hidden).fill((byte) 0));
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            sort(dy, ids, leaf, rows, op.vocab(), hidden);
            long at = 4L * leaf * op.vocab() * hidden;
            workers.share(hidden, LANES, (from, to) -> {
                float[] partials = new float[(rows + LEAF - 1) / LEAF * LANES];
                for (int id = 0; id < op.vocab(); id++) {
                    if (starts[id] < starts[id + 1]) {
                        columnLoop(dy.data(), starts[id], starts[id + 1], dweight, at + 4L * id * hidden, from, to, partials);
                    }
                }
            });
        }
    }

    /// Sorts the rows of one leaf of work by id, keeping their order.
    private void sort(Tensor dy, Tensor ids, long leaf, int rows, int vocab, long hidden) {
        if (starts.length < vocab + 2) {
            starts = new int[vocab + 2];
        }
        if (sources.length < rows) {
            sources = new long[rows];
        }
        Arrays.fill(starts, 0);
        for (long row = leaf * rows; row < (leaf + 1) * rows; row++) {
            starts[id(ids, row, vocab) + 2]++;
        }
        for (int id = 2; id <= vocab; id++) {
            starts[id] += starts[id - 1];
        }
        for (long row = leaf * rows; row < (leaf + 1) * rows; row++) {
            sources[starts[id(ids, row, vocab) + 1]++] = 4 * dy.offsetOf(row * hidden);
        }
    }

    /// The columns `from` to `to` of one id: leaves of 256 sources, then the tree.
    private void columnLoop(MemorySegment dy, int first, int end, MemorySegment dweight, long at, long from, long to, float[] partials) {
        long column = from;
        for (; column <= to - LANES; column += LANES) {
            int leaves = 0;
            for (int start = first; start < end; start += LEAF) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int k = start; k < Math.min(start + LEAF, end); k++) {
                    sum = sum.add(load(dy, sources[k] + 4 * column));
                }
                sum.intoArray(partials, leaves++ * LANES);
            }
            Trees.addLoop(partials, 0, leaves, LANES);
            store(FloatVector.fromArray(FLOATS, partials, 0), dweight, at + 4 * column);
        }
        for (; column < to; column++) {
            int leaves = 0;
            for (int start = first; start < end; start += LEAF) {
                float sum = 0;
                for (int k = start; k < Math.min(start + LEAF, end); k++) {
                    sum += dy.get(JAVA_FLOAT, sources[k] + 4 * column);
                }
                partials[leaves++] = sum;
            }
            dweight.set(JAVA_FLOAT, at + 4 * column, Sums.tree(partials, leaves));
        }
    }

    private static int id(Tensor ids, long position, long vocab) {
        int id = ids.data().get(JAVA_INT, 4 * ids.offsetOf(position));
        if (id < 0 || id >= vocab) {
            throw new IndexOutOfBoundsException("id " + id + " at position " + position + ", wanted 0 to " + (vocab - 1));
        }
        return id;
    }
}
