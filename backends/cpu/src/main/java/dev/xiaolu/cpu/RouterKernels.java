package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.tensor.ChosenExperts;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// A router's scores, choices and weights.
final class RouterKernels {
    private final Workers workers;

    RouterKernels(Workers workers) {
        this.workers = workers;
    }

    void scores(SqrtSoftplus op, Tensor[] in, Tensor[] out) {
        Tensor z = in[0];
        if (MachineCode.available()) {
            Spans.run(workers, Code.SCORES, Spans.NONE, z, out[0]);
            return;
        }
        MemorySegment s = out[0].data();
        Spans.share(workers, (from, to) -> scoreLoop(z.data(), 4 * z.offsetOf(from), s, 4 * from, to - from), z);
    }

    /// The same in machine code.
    private static final class Code {
        /// `z, s`.
        static final LaneLoop SCORES = LaneLoop.of(x -> {
            Value v = x.load(0);
            x.store(1, x.sqrt(x.blend(LaneElementary.softplus(x, v), v, x.greater(v, x.constant(SqrtSoftplus.IDENTITY)))));
        });
        /// `z, s, ds, dz`.
        static final LaneLoop SCORE_GRADIENTS = LaneLoop.of(x -> {
            Value zero = x.constant(0f);
            Value v = x.load(0);
            Value score = x.load(1);
            Value slope = x.blend(LaneElementary.sigmoid(x, v), x.constant(1f), x.greater(v, x.constant(SqrtSoftplus.IDENTITY)));
            x.store(3, x.blend(x.mul(x.load(2), x.div(slope, x.mul(score, x.constant(2f)))), zero, x.equal(score, zero)));
        });
    }

    private static void scoreLoop(MemorySegment z, long atZ, MemorySegment s, long atS, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector v = load(z, atZ + 4 * i);
            VectorElementary.softplus(v).blend(v, v.compare(GT, SqrtSoftplus.IDENTITY)).sqrt().intoMemorySegment(s, atS + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            float v = z.get(JAVA_FLOAT, atZ + 4 * i);
            s.set(JAVA_FLOAT, atS + 4 * i, (float) Math.sqrt(v > SqrtSoftplus.IDENTITY ? v : Elementary.softplus(v)));
        }
    }

    void scoreGradients(SqrtSoftplusGrad op, Tensor[] in, Tensor[] out) {
        Tensor z = in[0];
        Tensor s = in[1];
        Tensor ds = in[2];
        if (MachineCode.available()) {
            Spans.run(workers, Code.SCORE_GRADIENTS, Spans.NONE, z, s, ds, out[0]);
            return;
        }
        MemorySegment dz = out[0].data();
        Spans.share(workers, (from, to) -> scoreGradientLoop(z.data(), 4 * z.offsetOf(from), s.data(), 4 * s.offsetOf(from), ds.data(), 4 * ds.offsetOf(from),
                dz, 4 * from, to - from), z, s, ds);
    }

    private static void scoreGradientLoop(MemorySegment z, long atZ, MemorySegment s, long atS, MemorySegment ds, long atDs, MemorySegment dz, long at, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector v = load(z, atZ + 4 * i);
            FloatVector score = load(s, atS + 4 * i);
            FloatVector d = load(ds, atDs + 4 * i);
            FloatVector slope = VectorElementary.sigmoid(v).blend(1f, v.compare(GT, SqrtSoftplus.IDENTITY));
            d.mul(slope.div(score.mul(2f))).blend(0f, score.compare(EQ, 0f)).intoMemorySegment(dz, at + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            float v = z.get(JAVA_FLOAT, atZ + 4 * i);
            float score = s.get(JAVA_FLOAT, atS + 4 * i);
            float slope = v > SqrtSoftplus.IDENTITY ? 1 : Elementary.sigmoid(v);
            dz.set(JAVA_FLOAT, at + 4 * i, score == 0 ? 0 : ds.get(JAVA_FLOAT, atDs + 4 * i) * (slope / (2 * score)));
        }
    }

    void top(TopExperts op, Tensor[] in, Tensor[] out) {
        Tensor scores = in[0];
        MemorySegment bias = in.length > 1 ? in[1].data() : null;
        MemorySegment chosen = out[0].data();
        int experts = (int) scores.shape().last();
        int count = op.count();
        workers.share(scores.shape().rows(), 16, (from, to) -> {
            float[] best = new float[count];
            int[] indices = new int[count];
            for (long row = from; row < to; row++) {
                top(scores.data(), 4 * scores.offsetOf(row * experts), bias, experts, best, indices);
                Arrays.sort(indices);
                MemorySegment.copy(indices, 0, chosen, JAVA_INT, 4 * row * count, count);
            }
        });
    }

    /// Keeps the best so far in descending order; a score of a higher index has to beat one to come before it.
    private static void top(MemorySegment scores, long at, MemorySegment bias, int experts, float[] best, int[] indices) {
        int held = 0;
        for (int e = 0; e < experts; e++) {
            float score = scores.get(JAVA_FLOAT, at + 4L * e);
            score = bias == null ? score : score + bias.get(JAVA_FLOAT, 4L * e);
            if (held == best.length && !beats(score, best[held - 1])) {
                continue;
            }
            int place = held < best.length ? held++ : held - 1;
            for (; place > 0 && beats(score, best[place - 1]); place--) {
                best[place] = best[place - 1];
                indices[place] = indices[place - 1];
            }
            best[place] = score;
            indices[place] = e;
        }
    }

    private static boolean beats(float score, float other) {
        return score > other || score == score && other != other;
    }

    void weights(RouteWeights op, Tensor[] in, Tensor[] out) {
        Tensor scores = in[0];
        Tensor chosen = in[1];
        int count = (int) chosen.shape().last();
        workers.share(chosen.shape().axis(0), 64, (from, to) -> {
            float[] s = new float[count];
            for (long row = from; row < to; row++) {
                float t = gather(scores, chosen, row, s);
                for (int k = 0; k < count; k++) {
                    out[0].data().set(JAVA_FLOAT, 4 * (row * count + k), s[k] / t * op.scale());
                }
            }
        });
    }

    void weightGradients(RouteWeightsGrad op, Tensor[] in, Tensor[] out) {
        Tensor scores = in[0];
        Tensor chosen = in[1];
        Tensor dweights = in[2];
        MemorySegment dscores = out[0].data();
        long experts = scores.shape().last();
        int count = (int) chosen.shape().last();
        workers.share(chosen.shape().axis(0), 64, (from, to) -> {
            float[] s = new float[count];
            dscores.asSlice(4 * from * experts, 4 * (to - from) * experts).fill((byte) 0);
            for (long row = from; row < to; row++) {
                float t = gather(scores, chosen, row, s);
                long at = 4 * dweights.offsetOf(row * count);
                float d = 0;
                for (int k = 0; k < count; k++) {
                    d = Math.fma(dweights.data().get(JAVA_FLOAT, at + 4L * k), s[k] / t, d);
                }
                for (int k = 0; k < count; k++) {
                    long expert = ChosenExperts.at(chosen, row, k, experts);
                    dscores.set(JAVA_FLOAT, 4 * (row * experts + expert), (dweights.data().get(JAVA_FLOAT, at + 4L * k) - d) / t * op.scale());
                }
            }
        });
    }

    /// The scores of a token's experts, and what they are divided by.
    private static float gather(Tensor scores, Tensor chosen, long row, float[] s) {
        long at = 4 * scores.offsetOf(row * scores.shape().last());
        float sum = 0;
        for (int k = 0; k < s.length; k++) {
            s[k] = scores.data().get(JAVA_FLOAT, at + 4L * ChosenExperts.at(chosen, row, k, scores.shape().last()));
            sum += s[k];
        }
        return sum + RouteWeights.SMALLEST_SUM;
    }
}
