package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LEAF;
import static dev.xiaolu.tensor.Elements.at;
import static dev.xiaolu.tensor.Elements.intAt;
import static dev.xiaolu.tensor.Elements.longAt;
import static dev.xiaolu.tensor.Elements.row;
import static dev.xiaolu.tensor.Elements.rowSum;
import static dev.xiaolu.tensor.Elements.set;
import static dev.xiaolu.tensor.Elements.setInt;
import static dev.xiaolu.tensor.Elements.setLong;

import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.shape.DType;
import java.util.Arrays;

/// The definitions of the router: scores, the choice of experts, their weights, and what keeps their load even.
final class ReferenceRouter {
    private ReferenceRouter() {}

    static void run(SqrtSoftplus op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            float z = at(in[0], i);
            set(out[0], i, (float) Math.sqrt(z > SqrtSoftplus.IDENTITY ? z : Elementary.softplus(z)));
        }
    }

    static void run(SqrtSoftplusGrad op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            float z = at(in[0], i);
            float s = at(in[1], i);
            float d = z > SqrtSoftplus.IDENTITY ? 1 : Elementary.sigmoid(z);
            set(out[0], i, s == 0 ? 0 : at(in[2], i) * (d / (2 * s)));
        }
    }

    static void run(TopExperts op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] score = row(in[0], row);
            for (int e = 0; in.length > 1 && e < score.length; e++) {
                score[e] += at(in[1], e);
            }
            boolean[] taken = new boolean[score.length];
            for (int k = 0; k < op.count(); k++) {
                int best = -1;
                for (int e = 0; e < score.length; e++) {
                    if (!taken[e] && (best < 0 || beats(score[e], score[best]))) {
                        best = e;
                    }
                }
                taken[best] = true;
            }
            int k = 0;
            for (int e = 0; e < score.length; e++) {
                if (taken[e]) {
                    setInt(out[0], row * op.count() + k++, e);
                }
            }
        }
    }

    /// Whether a score of a higher index beats another: NaN beats nothing, every number beats NaN, a tie is not enough.
    private static boolean beats(float score, float other) {
        return score > other || score == score && other != other;
    }

    static void run(ExpertLookup op, Tensor[] in, Tensor[] out) {
        long vocab = in[0].shape().axis(0);
        int count = (int) in[0].shape().last();
        for (long row = 0; row < in[1].shape().size(); row++) {
            int id = intAt(in[1], row);
            if (id < 0 || id >= vocab) {
                throw new IndexOutOfBoundsException("id " + id + " at position " + row + ", wanted 0 to " + (vocab - 1));
            }
            int[] experts = new int[count];
            for (int k = 0; k < count; k++) {
                long expert = in[0].dtype() == DType.I64 ? longAt(in[0], (long) id * count + k) : intAt(in[0], (long) id * count + k);
                if (expert < 0 || expert > Integer.MAX_VALUE) {
                    throw new IndexOutOfBoundsException("expert " + expert + " of id " + id + ", wanted 0 to " + Integer.MAX_VALUE);
                }
                experts[k] = (int) expert;
            }
            Arrays.sort(experts);
            for (int k = 0; k < count; k++) {
                setInt(out[0], row * count + k, experts[k]);
            }
        }
    }

    static void run(RouteWeights op, Tensor[] in, Tensor[] out) {
        int count = (int) in[1].shape().last();
        for (long row = 0; row < in[1].shape().rows(); row++) {
            float[] s = chosenScores(in[0], in[1], row);
            float t = total(s);
            for (int k = 0; k < count; k++) {
                set(out[0], row * count + k, s[k] / t * op.scale());
            }
        }
    }

    static void run(RouteWeightsGrad op, Tensor[] in, Tensor[] out) {
        long experts = in[0].shape().last();
        for (long row = 0; row < in[1].shape().rows(); row++) {
            float[] s = chosenScores(in[0], in[1], row);
            float[] dweights = row(in[2], row);
            float t = total(s);
            float d = 0;
            for (int k = 0; k < s.length; k++) {
                d = Math.fma(dweights[k], s[k] / t, d);
            }
            for (long e = 0; e < experts; e++) {
                set(out[0], row * experts + e, 0);
            }
            for (int k = 0; k < s.length; k++) {
                set(out[0], row * experts + ChosenExperts.at(in[1], row, k, experts), (dweights[k] - d) / t * op.scale());
            }
        }
    }

    private static float[] chosenScores(Tensor scores, Tensor chosen, long row) {
        float[] s = new float[(int) chosen.shape().last()];
        for (int k = 0; k < s.length; k++) {
            s[k] = at(scores, row * scores.shape().last() + ChosenExperts.at(chosen, row, k, scores.shape().last()));
        }
        return s;
    }

    private static float total(float[] s) {
        float sum = 0;
        for (float score : s) {
            sum += score;
        }
        return sum + RouteWeights.SMALLEST_SUM;
    }

    static void run(BalanceLoss op, Tensor[] in, Tensor[] out) {
        int length = (int) in[0].shape().axis(1);
        int experts = (int) in[0].shape().last();
        for (long sequence = 0; sequence < in[0].shape().axis(0); sequence++) {
            float[] f = frequencies(in[0], in[1], sequence);
            float[][] leaves = new float[experts][(length + LEAF - 1) / LEAF];
            for (int t = 0; t < length; t++) {
                float[] s = row(in[0], sequence * length + t);
                float sum = plainSum(s);
                for (int e = 0; e < experts; e++) {
                    leaves[e][t / LEAF] += s[e] / sum;
                }
            }
            float[] p = new float[experts];
            for (int e = 0; e < experts; e++) {
                p[e] = Sums.tree(leaves[e], leaves[e].length) / length;
            }
            set(out[0], sequence, op.alpha() * rowSum(f, p));
        }
    }

    static void run(BalanceLossGrad op, Tensor[] in, Tensor[] out) {
        int length = (int) in[0].shape().axis(1);
        int experts = (int) in[0].shape().last();
        for (long sequence = 0; sequence < in[0].shape().axis(0); sequence++) {
            float[] f = frequencies(in[0], in[1], sequence);
            float g = op.alpha() * at(in[2], sequence) / length;
            for (long token = sequence * length; token < (sequence + 1) * length; token++) {
                float[] s = row(in[0], token);
                float sum = plainSum(s);
                float[] q = new float[experts];
                for (int e = 0; e < experts; e++) {
                    q[e] = s[e] / sum;
                }
                float d = rowSum(f, q);
                for (int e = 0; e < experts; e++) {
                    set(out[0], token * experts + e, (f[e] - d) / sum * g);
                }
            }
        }
    }

    /// How often the tokens of a sequence chose each expert, relative to an even load.
    private static float[] frequencies(Tensor scores, Tensor chosen, long sequence) {
        long length = scores.shape().axis(1);
        int experts = (int) scores.shape().last();
        long[] counts = new long[experts];
        for (long token = sequence * length; token < (sequence + 1) * length; token++) {
            for (long k = 0; k < chosen.shape().last(); k++) {
                counts[ChosenExperts.at(chosen, token, k, experts)]++;
            }
        }
        float[] f = new float[experts];
        for (int e = 0; e < experts; e++) {
            f[e] = (float) (experts * counts[e]) / (float) (chosen.shape().last() * length);
        }
        return f;
    }

    private static float plainSum(float[] x) {
        float[] lanes = new float[Numerics.LANES];
        for (int i = 0; i < x.length; i++) {
            lanes[i % Numerics.LANES] += x[i];
        }
        return Sums.halve(lanes);
    }

    static void run(ExpertLoad op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            for (long k = 0; k < in[0].shape().last(); k++) {
                int expert = ChosenExperts.at(in[0], row, k, in[1].shape().size());
                setLong(in[1], expert, longAt(in[1], expert) + 1);
            }
        }
    }

    static void run(RouterBiasStep op, Tensor[] in, Tensor[] out) {
        long experts = in[0].shape().size();
        long total = 0;
        for (long e = 0; e < experts; e++) {
            total += longAt(in[1], e);
        }
        for (long e = 0; e < experts; e++) {
            long ofExpert = experts * longAt(in[1], e);
            if (ofExpert != total) {
                set(in[0], e, at(in[0], e) + (ofExpert < total ? op.rate() : -op.rate()));
            }
        }
    }
}
