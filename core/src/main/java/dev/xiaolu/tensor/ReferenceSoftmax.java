package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LANES;
import static dev.xiaolu.tensor.Elements.at;
import static dev.xiaolu.tensor.Elements.row;
import static dev.xiaolu.tensor.Elements.rowSum;
import static dev.xiaolu.tensor.Elements.set;
import static dev.xiaolu.tensor.Elements.setRow;

import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;

/// The definitions of a router whose scores are shares: the softmax, and the scores of the chosen as their weights.
final class ReferenceSoftmax {
    private ReferenceSoftmax() {}

    static void run(Softmax op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] x = row(in[0], row);
            float m = Float.NEGATIVE_INFINITY;
            for (float value : x) {
                m = Math.max(m, value);
            }
            float[] lanes = new float[LANES];
            for (int i = 0; i < x.length; i++) {
                x[i] = Elementary.exp(x[i] - m);
                lanes[i % LANES] += x[i];
            }
            float l = Sums.halve(lanes);
            for (int i = 0; i < x.length; i++) {
                x[i] /= l;
            }
            setRow(out[0], row, x);
        }
    }

    static void run(SoftmaxGrad op, Tensor[] in, Tensor[] out) {
        for (long row = 0; row < in[0].shape().rows(); row++) {
            float[] y = row(in[0], row);
            float[] dy = row(in[1], row);
            float d = rowSum(dy, y);
            for (int i = 0; i < y.length; i++) {
                y[i] *= dy[i] - d;
            }
            setRow(out[0], row, y);
        }
    }

    static void run(RouteScores op, Tensor[] in, Tensor[] out) {
        long experts = in[0].shape().last();
        long count = in[1].shape().last();
        for (long row = 0; row < in[1].shape().rows(); row++) {
            for (int k = 0; k < count; k++) {
                set(out[0], row * count + k, at(in[0], row * experts + ChosenExperts.at(in[1], row, k, experts)) * op.scale());
            }
        }
    }

    static void run(RouteScoresGrad op, Tensor[] in, Tensor[] out) {
        long experts = in[0].shape().last();
        long count = in[1].shape().last();
        for (long row = 0; row < in[1].shape().rows(); row++) {
            for (long e = 0; e < experts; e++) {
                set(out[0], row * experts + e, 0);
            }
            for (int k = 0; k < count; k++) {
                set(out[0], row * experts + ChosenExperts.at(in[1], row, k, experts), at(in[2], row * count + k) * op.scale());
            }
        }
    }
}
