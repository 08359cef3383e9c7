package dev.xiaolu.testkit;

import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.testkit.Fp64.Values;

/// Routers and experts in double precision, by their textbook formulas.
final class Fp64Experts {
    private Fp64Experts() {}

    static double gated(double gate, double up) {
        return gate / (1 + Math.exp(-gate)) * up;
    }

    static Values weights(RouteWeights op, Values scores, Values chosen) {
        Values weights = Values.zeros(chosen.shape());
        int count = chosen.last();
        for (int row = 0; row < chosen.rows(); row++) {
            double sum = 0;
            for (int k = row * count; k < (row + 1) * count; k++) {
                weights.data()[k] = scores.data()[row * scores.last() + (int) chosen.data()[k]];
                sum += weights.data()[k];
            }
            for (int k = row * count; k < (row + 1) * count; k++) {
                weights.data()[k] *= op.scale() / sum;
            }
        }
        return weights;
    }

    static Values scores(RouteScores op, Values scores, Values chosen) {
        Values weights = Values.zeros(chosen.shape());
        for (int i = 0; i < chosen.data().length; i++) {
            weights.data()[i] = scores.data()[i / chosen.last() * scores.last() + (int) chosen.data()[i]] * op.scale();
        }
        return weights;
    }

    static Values softmax(Values x) {
        Values y = Values.zeros(x.shape());
        for (int row = 0; row < x.rows(); row++) {
            double sum = 0;
            for (int i = row * x.last(); i < (row + 1) * x.last(); i++) {
                y.data()[i] = Math.exp(x.data()[i]);
                sum += y.data()[i];
            }
            for (int i = row * x.last(); i < (row + 1) * x.last(); i++) {
                y.data()[i] /= sum;
            }
        }
        return y;
    }

    static Values balance(BalanceLoss op, Values scores, Values chosen) {
        int sequences = (int) scores.shape().axis(0);
        int length = (int) scores.shape().axis(1);
        int experts = scores.last();
        Values loss = Values.zeros(Shape.of(sequences));
        for (int sequence = 0; sequence < sequences; sequence++) {
            double[] chosenBy = new double[experts];
            double[] share = new double[experts];
            for (int token = sequence * length; token < (sequence + 1) * length; token++) {
                for (int k = 0; k < chosen.last(); k++) {
                    chosenBy[(int) chosen.data()[token * chosen.last() + k]]++;
                }
                double sum = 0;
                for (int e = 0; e < experts; e++) {
                    sum += scores.data()[token * experts + e];
                }
                for (int e = 0; e < experts; e++) {
                    share[e] += scores.data()[token * experts + e] / sum / length;
                }
            }
            for (int e = 0; e < experts; e++) {
                loss.data()[sequence] += op.alpha() * experts / (chosen.last() * length) * chosenBy[e] * share[e];
            }
        }
        return loss;
    }

    static Values take(Values x, Values places) {
        Values y = Values.zeros(Shape.of(places.data().length, x.last()));
        for (int i = 0; i < places.data().length; i++) {
            System.arraycopy(x.data(), i / places.last() * x.last(), y.data(), (int) places.data()[i] * x.last(), x.last());
        }
        return y;
    }

    static Values combine(Values x, Values weights, Values places) {
        int hidden = x.last();
        Values y = Values.zeros(Shape.of(places.rows(), hidden));
        for (int i = 0; i < places.data().length; i++) {
            for (int c = 0; c < hidden; c++) {
                y.data()[i / places.last() * hidden + c] += weights.data()[i] * x.data()[(int) places.data()[i] * hidden + c];
            }
        }
        return y;
    }

    static Values linear(ExpertLinear op, Values x, Values weight, Values offsets) {
        Values y = Values.zeros(Shape.of(x.rows(), weight.shape().axis(op.transposed() ? 2 : 1)));
        int expert = 0;
        for (int pair = 0; pair < x.rows(); pair++) {
            while (pair >= offsets.data()[expert + 1]) {
                expert++;
            }
            linear(op.transposed(), x, pair, weight, expert, (int) weight.shape().axis(1), y);
        }
        return y;
    }

    static Values linear(GroupedLinear op, Values x, Values weight) {
        int groups = (int) x.shape().axis(-2);
        int out = (int) weight.shape().axis(0) / groups;
        Values y = Values.zeros(x.shape().with(-1, op.transposed() ? weight.last() : out));
        for (int row = 0; row < x.rows(); row++) {
            linear(op.transposed(), x, row, weight, row % groups, out, y);
        }
        return y;
    }

    /// One row with the matrix `part` of those in `weight`, each of `out` rows.
    private static void linear(boolean transposed, Values x, int row, Values weight, int part, int out, Values y) {
        int in = weight.last();
        for (int o = 0; o < out; o++) {
            for (int i = 0; i < in; i++) {
                double w = weight.data()[(part * out + o) * in + i];
                if (transposed) {
                    y.data()[row * in + i] += w * x.data()[row * out + o];
                } else {
                    y.data()[row * out + o] += w * x.data()[row * in + i];
                }
            }
        }
    }
}
