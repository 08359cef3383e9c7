package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.tensor.ChosenExperts;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// The way of tokens to their experts and back: the plan, the copies and their combination.
final class ExpertRowKernels {
    private static final long GRAIN = 16;

    private final Workers workers;

    ExpertRowKernels(Workers workers) {
        this.workers = workers;
    }

    /// A stable sort by counting; too small to share.
    void plan(ExpertPlan op, Tensor[] in, Tensor[] out) {
        Tensor chosen = in[0];
        long rows = chosen.shape().axis(0);
        long count = chosen.shape().last();
        int[] next = new int[op.experts() + 1];
        for (long row = 0; row < rows; row++) {
            for (long k = 0; k < count; k++) {
                next[ChosenExperts.ascending(chosen, row, k, op.experts()) + 1]++;
            }
        }
        for (int e = 0; e < op.experts(); e++) {
            next[e + 1] += next[e];
        }
        MemorySegment.copy(next, 0, out[1].data(), JAVA_INT, 0, next.length);
        for (long row = 0; row < rows; row++) {
            for (long k = 0; k < count; k++) {
                int place = next[ChosenExperts.at(chosen, row, k, op.experts())]++;
                out[0].data().setAtIndex(JAVA_INT, place, Math.toIntExact(row * count + k));
                out[2].data().setAtIndex(JAVA_INT, row * count + k, place);
            }
        }
    }

    void take(TakeRows op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor places = in[1];
        long hidden = x.shape().last();
        long count = places.shape().last();
        workers.share(places.shape().axis(0), GRAIN, (from, to) -> {
            for (long row = from; row < to; row++) {
                long at = 4 * x.offsetOf(row * hidden);
                for (long k = 0; k < count; k++) {
                    MemorySegment.copy(x.data(), at, out[0].data(), 4 * ChosenExperts.place(places, row, k) * hidden, 4 * hidden);
                }
            }
        });
    }

    void takeGradient(TakeRowsGrad op, Tensor[] in, Tensor[] out) {
        Tensor dy = in[0];
        Tensor places = in[1];
        long hidden = dy.shape().last();
        int count = (int) places.shape().last();
        workers.share(places.shape().axis(0), GRAIN, (from, to) -> {
            long[] copies = new long[count];
            for (long row = from; row < to; row++) {
                positions(dy, places, row, copies);
                Chains.addLoop(dy.data(), copies, count, out[0].data(), 4 * row * hidden, hidden);
            }
        });
    }

    void combine(Combine op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor places = in[2];
        long hidden = x.shape().last();
        int count = (int) places.shape().last();
        workers.share(places.shape().axis(0), GRAIN, (from, to) -> {
            long[] copies = new long[count];
            float[] weights = new float[count];
            for (long row = from; row < to; row++) {
                positions(x, places, row, copies);
                MemorySegment.copy(in[1].data(), JAVA_FLOAT, 4 * in[1].offsetOf(row * count), weights, 0, count);
                Chains.fmaLoop(x.data(), copies, count, weights, 0, 1, out[0].data(), 4 * row * hidden, hidden);
            }
        });
    }

    void combineGradients(CombineGrad op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor places = in[2];
        Tensor dy = in[3];
        long hidden = x.shape().last();
        int count = (int) places.shape().last();
        workers.share(places.shape().axis(0), GRAIN, (from, to) -> {
            long[] copies = new long[count];
            float[] weights = new float[count];
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                positions(x, places, row, copies);
                MemorySegment.copy(in[1].data(), JAVA_FLOAT, 4 * in[1].offsetOf(row * count), weights, 0, count);
                long atDy = 4 * dy.offsetOf(row * hidden);
                for (int k = 0; k < count; k++) {
                    Chains.scaleLoop(weights[k], dy.data(), atDy, out[0].data(), 4 * ChosenExperts.place(places, row, k) * hidden, hidden);
                    out[1].data().set(JAVA_FLOAT, 4 * (row * count + k), RowSums.productLoop(dy.data(), atDy, x.data(), copies[k], hidden, lanes));
                }
            }
        });
    }

    /// Where the copies of a token start.
    private static void positions(Tensor x, Tensor places, long row, long[] into) {
        for (int k = 0; k < into.length; k++) {
            into[k] = 4 * ChosenExperts.place(places, row, k) * x.stride(0);
        }
    }
}
