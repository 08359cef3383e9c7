package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.tensor.ChosenExperts;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// The loss that keeps the experts of each sequence evenly used, and its gradient.
final class BalanceKernels implements AutoCloseable {
    private final Workers workers;
    /// How often each expert was chosen, relative to an even load: `[sequence, expert]`, then a row for the shares of the sequence at work.
    private final Buffer frequencies = new Buffer();
    /// The shares of every leaf of 256 tokens, `[leaf, expert]`; grows to the largest call.
    private float[] partials = new float[0];

    BalanceKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(BalanceLoss op, Tensor[] in, Tensor[] out) {
        Tensor scores = in[0];
        int sequences = (int) scores.shape().axis(0);
        int length = (int) scores.shape().axis(1);
        int experts = (int) scores.shape().last();
        MemorySegment f = frequencies(scores, in[1]);
        int leaves = (length + LEAF - 1) / LEAF;
        if (partials.length < sequences * leaves * experts) {
            partials = new float[sequences * leaves * experts];
        }
        workers.share((long) sequences * leaves, 1, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (int block = (int) from; block < to; block++) {
                int first = block % leaves * LEAF;
                Arrays.fill(partials, block * experts, (block + 1) * experts, 0);
                for (int t = first; t < Math.min(first + LEAF, length); t++) {
                    long at = 4 * scores.offsetOf(((long) block / leaves * length + t) * experts);
                    shareLoop(scores.data(), at, RowSums.plainLoop(scores.data(), at, experts, lanes), partials, block * experts, experts);
                }
            }
        });
        float[] lanes = new float[Numerics.LANES];
        long atShares = 4L * sequences * experts;
        for (int sequence = 0; sequence < sequences; sequence++) {
            int at = sequence * leaves * experts;
            Trees.addLoop(partials, at, leaves, experts);
            for (int e = 0; e < experts; e++) {
                f.set(JAVA_FLOAT, atShares + 4L * e, partials[at + e] / length);
            }
            out[0].data().set(JAVA_FLOAT, 4L * sequence, op.alpha() * RowSums.productLoop(f, 4L * sequence * experts, f, atShares, experts, lanes));
        }
    }

    private static void shareLoop(MemorySegment s, long at, float sum, float[] shares, int into, int experts) {
        int e = 0;
        for (; e <= experts - LANES; e += LANES) {
            FloatVector.fromArray(FLOATS, shares, into + e).add(load(s, at + 4L * e).div(sum)).intoArray(shares, into + e);
        }
        for (; e < experts; e++) {
            shares[into + e] += s.get(JAVA_FLOAT, at + 4L * e) / sum;
        }
    }

    void gradient(BalanceLossGrad op, Tensor[] in, Tensor[] out) {
        Tensor scores = in[0];
        MemorySegment dscores = out[0].data();
        long length = scores.shape().axis(1);
        int experts = (int) scores.shape().last();
        MemorySegment f = frequencies(scores, in[1]);
        workers.share(scores.shape().rows(), 16, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long token = from; token < to; token++) {
                float g = op.alpha() * in[2].data().get(JAVA_FLOAT, 4 * (token / length)) / length;
                long at = 4 * scores.offsetOf(token * experts);
                gradientLoop(scores.data(), at, f, 4 * (token / length * experts), g, dscores, 4 * token * experts, experts, lanes);
            }
        });
    }

    private static void gradientLoop(MemorySegment s, long at, MemorySegment f, long atF, float g, MemorySegment ds, long atDs, int experts, float[] lanes) {
        float sum = RowSums.plainLoop(s, at, experts, lanes);
        long e = 0;
        for (; e <= experts - LANES; e += LANES) {
            store(load(s, at + 4 * e).div(sum), ds, atDs + 4 * e);
        }
        for (; e < experts; e++) {
            ds.set(JAVA_FLOAT, atDs + 4 * e, s.get(JAVA_FLOAT, at + 4 * e) / sum);
        }
        float d = RowSums.productLoop(f, atF, ds, atDs, experts, lanes);
        for (e = 0; e <= experts - LANES; e += LANES) {
            store(load(f, atF + 4 * e).sub(d).div(sum).mul(g), ds, atDs + 4 * e);
        }
        for (; e < experts; e++) {
            ds.set(JAVA_FLOAT, atDs + 4 * e, (f.get(JAVA_FLOAT, atF + 4 * e) - d) / sum * g);
        }
    }

    private MemorySegment frequencies(Tensor scores, Tensor chosen) {
        long sequences = scores.shape().axis(0);
        long length = scores.shape().axis(1);
        int experts = (int) scores.shape().last();
        long count = chosen.shape().last();
        MemorySegment f = frequencies.atLeast(4 * (sequences + 1) * experts);
        long[] counts = new long[experts];
        for (long sequence = 0; sequence < sequences; sequence++) {
            Arrays.fill(counts, 0);
            for (long token = sequence * length; token < (sequence + 1) * length; token++) {
                for (long k = 0; k < count; k++) {
                    counts[ChosenExperts.at(chosen, token, k, experts)]++;
                }
            }
            for (int e = 0; e < experts; e++) {
                f.set(JAVA_FLOAT, 4 * (sequence * experts + e), (float) (experts * counts[e]) / (float) (count * length));
            }
        }
        return f;
    }

    @Override public void close() {
        frequencies.close();
    }
}
