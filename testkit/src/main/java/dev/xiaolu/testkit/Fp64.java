package dev.xiaolu.testkit;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.shape.Shape;
import java.util.List;

/// Every differentiable operator once more, in double precision and by its textbook formula: what finite differences are taken of.
///
/// Independent of the reference on purpose; speed is of no concern.
public final class Fp64 {
    private Fp64() {}

    /// A contiguous tensor of doubles; integers are held as doubles too.
    public record Values(Shape shape, double[] data) {
        /// Zeros of a shape.
        public static Values zeros(Shape shape) {
            return new Values(shape, new double[Math.toIntExact(shape.size())]);
        }

        int last() {
            return (int) shape.last();
        }

        int rows() {
            return (int) shape.rows();
        }
    }

    /// The first output of an operator.
    public static Values evaluate(Op.Differentiable op, List<Values> in) {
        return switch (op) {
            case Add _ -> zip(in.get(0), in.get(1), Double::sum);
            case SwiGlu _ -> zip(in.get(0), in.get(1), (gate, up) -> gate / (1 + Math.exp(-gate)) * up);
            case Embed _ -> embed(in.get(0), in.get(1));
            case MatMul matMul -> matMul(matMul, in.get(0), in.get(1));
            case RmsNorm norm -> rmsNorm(norm, in.get(0), in.get(1));
            case Rope rope -> rope(rope, in.get(0), in.get(1), in.get(2));
            case Attention attention -> attention(attention, in);
            case CrossEntropy _ -> crossEntropy(in.get(0), in.get(1));
            case Compress compress -> SparseFp64.compress(compress, in.get(0), in.get(1), in.get(2), in.size() > 3 ? in.get(3) : null);
            case Hadamard _ -> SparseFp64.hadamard(in.get(0));
            case IndexLoss loss -> SparseFp64.indexLoss(loss, in.get(0), in.get(1), in.get(2));
            case IndexScores _ -> SparseFp64.indexScores(in.get(0), in.get(1), in.get(2), in.get(3));
            case JointAttention attention -> SparseFp64.jointAttention(attention, in);
            case RopePairs rope -> SparseFp64.ropePairs(rope, in.get(0), in.get(1), in.get(2));
            case Mean mean -> mean(mean, in.get(0));
            case BalanceLoss loss -> Fp64Experts.balance(loss, in.get(0), in.get(1));
            case ClampedSwiGlu gate -> zip(in.get(0), in.get(1), (g, up) -> Fp64Experts.gated(Math.min(g, gate.limit()), Math.clamp(up, -gate.limit(), gate.limit())));
            case Combine _ -> Fp64Experts.combine(in.get(0), in.get(1), in.get(2));
            case ExpertLinear linear -> Fp64Experts.linear(linear, in.get(0), in.get(1), in.get(3));
            case GroupedLinear linear -> Fp64Experts.linear(linear, in.get(0), in.get(1));
            case HyperCollapse _ -> Fp64Hyper.collapse(in.get(0), in.get(1));
            case HyperExpand expand -> Fp64Hyper.expand(expand, in.get(0));
            case HyperGates gates -> Fp64Hyper.gates(gates, in.get(0), in.get(1), in.get(2)).getFirst();
            case HyperHeadGates gates -> Fp64Hyper.headGates(gates, in.get(0), in.get(1), in.get(2));
            case HyperMix _ -> Fp64Hyper.mix(in.get(0), in.get(1), in.get(2), in.get(3));
            case RouteScores route -> Fp64Experts.scores(route, in.get(0), in.get(1));
            case RouteWeights route -> Fp64Experts.weights(route, in.get(0), in.get(1));
            case Softmax _ -> Fp64Experts.softmax(in.get(0));
            case FakeQuantise _ -> zip(in.get(0), in.get(0), (x, _) -> x);              // straight through: the gradient is that of no rounding
            case Scale scale -> zip(in.get(0), in.get(0), (x, _) -> scale.factor() * x);
            case SqrtSoftplus _ -> zip(in.get(0), in.get(0), (z, _) -> Math.sqrt(z > SqrtSoftplus.IDENTITY ? z : Math.log1p(Math.exp(z))));
            case TakeRows _ -> Fp64Experts.take(in.get(0), in.get(1));
            case UnitNorm norm -> Fp64Hyper.unitNorm(norm, in.get(0));
        };
    }

    /// All outputs of an operator that have gradients.
    public static List<Values> outputs(Op.Differentiable op, List<Values> in) {
        return op instanceof HyperGates gates ? Fp64Hyper.gates(gates, in.get(0), in.get(1), in.get(2)) : List.of(evaluate(op, in));
    }

    private static Values zip(Values a, Values b, java.util.function.DoubleBinaryOperator each) {
        Values y = Values.zeros(a.shape);
        for (int i = 0; i < y.data.length; i++) {
            y.data[i] = each.applyAsDouble(a.data[i], b.data[i]);
        }
        return y;
    }

    private static Values embed(Values weight, Values ids) {
        int hidden = weight.last();
        Values y = Values.zeros(Shape.of(ids.data.length, hidden));
        for (int i = 0; i < ids.data.length; i++) {
            System.arraycopy(weight.data, (int) ids.data[i] * hidden, y.data, i * hidden, hidden);
        }
        return y;
    }

    private static Values matMul(MatMul op, Values a, Values b) {
        int m = (int) a.shape.axis(op.transposeA() ? -1 : -2);
        int k = (int) a.shape.axis(op.transposeA() ? -2 : -1);
        int n = (int) b.shape.axis(op.transposeB() ? -2 : -1);
        int batch = a.data.length / Math.max(1, m * k);
        boolean shared = b.shape.rank() == 2 && !op.transposeA();
        Values y = Values.zeros(a.shape.with(-2, m).with(-1, n));
        for (int one = 0; one < batch; one++) {
            int ofA = one * m * k;
            int ofB = shared ? 0 : one * k * n;
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double sum = 0;
                    for (int p = 0; p < k; p++) {
                        sum += a.data[ofA + (op.transposeA() ? p * m + i : i * k + p)] * b.data[ofB + (op.transposeB() ? j * k + p : p * n + j)];
                    }
                    y.data[one * m * n + i * n + j] = sum;
                }
            }
        }
        return y;
    }

    private static Values rmsNorm(RmsNorm op, Values x, Values gain) {
        Values y = Values.zeros(x.shape);
        int hidden = x.last();
        for (int row = 0; row < x.rows(); row++) {
            double squares = 0;
            for (int i = 0; i < hidden; i++) {
                squares += x.data[row * hidden + i] * x.data[row * hidden + i];
            }
            double root = Math.sqrt(squares / hidden + op.epsilon());
            for (int i = 0; i < hidden; i++) {
                y.data[row * hidden + i] = x.data[row * hidden + i] / root * gain.data[i];
            }
        }
        return y;
    }

    private static Values rope(Rope op, Values x, Values table, Values positions) {
        int dim = x.last();
        int half = dim / 2;
        int heads = (int) x.shape.axis(-2);
        Values y = Values.zeros(x.shape);
        for (int row = 0; row < x.rows(); row++) {
            int angles = (int) positions.data[row / heads] * dim;
            for (int i = 0; i < half; i++) {
                double cos = table.data[angles + i];
                double sin = op.inverse() ? -table.data[angles + half + i] : table.data[angles + half + i];
                double a = x.data[row * dim + i];
                double b = x.data[row * dim + half + i];
                y.data[row * dim + i] = a * cos - b * sin;
                y.data[row * dim + half + i] = b * cos + a * sin;
            }
        }
        return y;
    }

    private static Values attention(Attention op, List<Values> in) {
        Values q = in.get(0);
        Values k = in.get(1);
        Values v = in.get(2);
        int queries = (int) q.shape.axis(1);
        int heads = (int) q.shape.axis(2);
        int dim = q.last();
        int keys = (int) k.shape.axis(1);
        int kvHeads = (int) k.shape.axis(2);
        Values o = Values.zeros(q.shape);
        for (int query = 0; query < q.shape.axis(0) * queries; query++) {
            int first = (int) in.get(3).data[query];
            int last = (int) in.get(4).data[query];
            for (int head = 0; head < heads; head++) {
                int ofQ = (query * heads + head) * dim;
                int kvHead = head / (heads / kvHeads);
                double total = 0;
                double largest = Double.NEGATIVE_INFINITY;
                double[] scores = new double[keys];
                for (int key = first; key <= last; key++) {
                    int ofK = ((query / queries * keys + key) * kvHeads + kvHead) * dim;
                    for (int c = 0; c < dim; c++) {
                        scores[key] += q.data[ofQ + c] * k.data[ofK + c] * op.scale();
                    }
                    largest = Math.max(largest, scores[key]);
                }
                for (int key = first; key <= last; key++) {
                    scores[key] = Math.exp(scores[key] - largest);
                    total += scores[key];
                }
                for (int key = first; key <= last; key++) {
                    int ofV = ((query / queries * keys + key) * kvHeads + kvHead) * dim;
                    for (int c = 0; c < dim; c++) {
                        o.data[ofQ + c] += scores[key] / total * v.data[ofV + c];
                    }
                }
            }
        }
        return o;
    }

    private static Values crossEntropy(Values logits, Values targets) {
        int vocab = logits.last();
        Values loss = Values.zeros(targets.shape);
        for (int row = 0; row < logits.rows(); row++) {
            if (targets.data[row] < 0) {
                continue;
            }
            double largest = Double.NEGATIVE_INFINITY;
            for (int i = 0; i < vocab; i++) {
                largest = Math.max(largest, logits.data[row * vocab + i]);
            }
            double total = 0;
            for (int i = 0; i < vocab; i++) {
                total += Math.exp(logits.data[row * vocab + i] - largest);
            }
            loss.data[row] = Math.log(total) + largest - logits.data[row * vocab + (int) targets.data[row]];
        }
        return loss;
    }

    private static Values mean(Mean op, Values x) {
        Values y = Values.zeros(Shape.of(op.leaves()));
        int rows = x.data.length / op.leaves();
        for (int i = 0; i < x.data.length; i++) {
            y.data[i / rows] += x.data[i] / rows;
        }
        return y;
    }
}
