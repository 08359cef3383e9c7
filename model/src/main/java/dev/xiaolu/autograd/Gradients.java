package dev.xiaolu.autograd;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperExpandGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// The one table of gradients: for each differentiable operator, the gradients of its inputs from those of its outputs.
///
/// The switch has no default: a new operator does not compile until it has a row here.
final class Gradients {
    private Gradients() {}

    /// Gradients of the wanted inputs; the others' places are empty.
    ///
    /// A parameter's gradient is `[leaves, ...]`, one sum for each leaf of work; another input's has the input's number of elements.
    ///
    /// @param dy      gradients of the outputs, null where none arrived
    /// @param wanted  the inputs asked for
    /// @param weights the inputs that are parameters
    static Tensor[] of(Op.Differentiable op, Tensor[] in, Tensor[] out, Tensor[] dy, boolean[] wanted, boolean[] weights, int leaves) {
        return switch (op) {
            case Add _ -> new Tensor[] {plain(dy[0], weights[0], leaves), plain(dy[0], weights[1], leaves)};
            case MatMul matMul -> ofMatMul(matMul, in, dy[0], wanted, weights, leaves);
            case RmsNorm norm -> {
                int runs = weights[1] ? leaves : 1;
                Tensor[] both = Compute.run(new RmsNormGrad(norm.epsilon(), runs), in[0], in[1], dy[0]);
                yield new Tensor[] {plain(both[0], weights[0], leaves), both[1]};
            }
            case Rope rope -> new Tensor[] {plain(Compute.one(new Rope(!rope.inverse()), dy[0], in[1], in[2]), weights[0], leaves), null, null};
            case SwiGlu _ -> {
                Tensor[] both = Compute.run(new SwiGluGrad(), in[0], in[1], dy[0]);
                yield new Tensor[] {plain(both[0], weights[0], leaves), plain(both[1], weights[1], leaves)};
            }
            case Attention attention -> {
                check(dy[1] == null && dy[2] == null, "Attention: only its output o has a gradient");
                Tensor[] three = Compute.run(new AttentionGrad(attention.scale()), in[0], in[1], in[2], in[3], in[4], out[0], out[1], out[2], dy[0]);
                yield new Tensor[] {plain(three[0], weights[0], leaves), plain(three[1], weights[1], leaves), plain(three[2], weights[2], leaves), null, null};
            }
            case Embed _ -> {
                int runs = weights[0] ? leaves : 1;
                yield new Tensor[] {Compute.one(new EmbedGrad((int) in[0].shape().axis(0), runs), dy[0], in[1]), null};
            }
            case CrossEntropy _ -> {
                check(dy[1] == null && dy[2] == null, "CrossEntropy: only its loss has a gradient");
                yield new Tensor[] {plain(Compute.one(new CrossEntropyGrad(), in[0], in[1], out[1], out[2], dy[0]), weights[0], leaves), null};
            }
            case Compress compress -> {
                int runs = weights[2] ? leaves : 1;
                var gradient = new CompressGrad(compress.ratio(), compress.overlap(), compress.continued(), runs);
                Tensor[] three = in.length == 3 ? Compute.run(gradient, in[0], in[1], in[2], dy[0]) : Compute.run(gradient, in[0], in[1], in[2], dy[0], in[3]);
                yield new Tensor[] {plain(three[0], weights[0], leaves), plain(three[1], weights[1], leaves), three[2], null};
            }
            case FakeQuantise _ -> new Tensor[] {plain(dy[0], weights[0], leaves)};
            case Hadamard _ -> new Tensor[] {plain(Compute.one(new Hadamard(), dy[0]), weights[0], leaves)};
            case IndexLoss loss -> {
                check(dy[1] == null && dy[2] == null, "IndexLoss: only its loss has a gradient");
                check(!wanted[1], "IndexLoss: the shares are the teacher's and have no gradient; wanted a detached tensor");
                yield new Tensor[] {plain(Compute.one(new IndexLossGrad(loss.gathered()), in[0], in[1], in[2], out[1], out[2], dy[0]), weights[0], leaves), null, null};
            }
            case IndexScores _ -> {
                Tensor[] three = Compute.run(new IndexScoresGrad(), in[0], in[1], in[2], in[3], dy[0]);
                yield new Tensor[] {plain(three[0], weights[0], leaves), plain(three[1], weights[1], leaves), plain(three[2], weights[2], leaves), null};
            }
            case JointAttention attention -> {
                check(dy[1] == null && dy[2] == null, "JointAttention: only its output o has a gradient");
                int runs = weights[3] ? leaves : 1;
                Tensor[] four = Compute.run(new JointAttentionGrad(attention.scale(), attention.gathered(), runs),
                        in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], out[0], out[1], out[2], dy[0]);
                yield new Tensor[] {plain(four[0], weights[0], leaves), plain(four[1], weights[1], leaves), plain(four[2], weights[2], leaves), four[3], null, null, null, null};
            }
            case RopePairs rope -> new Tensor[] {plain(Compute.one(new RopePairs(!rope.inverse()), dy[0], in[1], in[2]), weights[0], leaves), null, null};
            case Mean _ -> new Tensor[] {plain(Compute.one(new MeanGrad(in[0].shape().size()), dy[0]), weights[0], leaves)};
            case BalanceLoss loss -> new Tensor[] {plain(Compute.one(new BalanceLossGrad(loss.alpha()), in[0], in[1], dy[0]), weights[0], leaves), null};
            case ClampedSwiGlu gate -> ExpertGradients.of(gate, in, dy[0], weights, leaves);
            case Combine _ -> ExpertGradients.ofCombine(in, dy[0], weights, leaves);
            case ExpertLinear linear -> ExpertGradients.of(linear, in, dy[0], wanted, weights, leaves);
            case GroupedLinear linear -> ExpertGradients.of(linear, in, dy[0], wanted, weights, leaves);
            case HyperCollapse _ -> HyperGradients.ofCollapse(in, dy[0], weights, leaves);
            case HyperExpand _ -> new Tensor[] {plain(Compute.one(new HyperExpandGrad(), dy[0]), weights[0], leaves)};
            case HyperGates gates -> HyperGradients.of(gates, in, out, dy, weights, leaves);
            case HyperHeadGates _ -> HyperGradients.ofHeadGates(in, dy[0], weights, leaves);
            case HyperMix _ -> HyperGradients.ofMix(in, dy[0], weights, leaves);
            case RouteScores route -> new Tensor[] {plain(Compute.one(new RouteScoresGrad(route.scale()), in[0], in[1], dy[0]), weights[0], leaves), null};
            case RouteWeights route -> new Tensor[] {plain(Compute.one(new RouteWeightsGrad(route.scale()), in[0], in[1], dy[0]), weights[0], leaves), null};
            case Softmax _ -> new Tensor[] {plain(Compute.one(new SoftmaxGrad(), out[0], dy[0]), weights[0], leaves)};
            case Scale scale -> new Tensor[] {plain(Compute.one(scale, dy[0]), weights[0], leaves)};
            case SqrtSoftplus _ -> new Tensor[] {plain(Compute.one(new SqrtSoftplusGrad(), in[0], out[0], dy[0]), weights[0], leaves)};
            case TakeRows _ -> new Tensor[] {plain(Compute.one(new TakeRowsGrad(), dy[0], in[1]), weights[0], leaves), null};
            case UnitNorm norm -> new Tensor[] {plain(Compute.one(new UnitNormGrad(norm.epsilon()), in[0], dy[0]), weights[0], leaves)};
        };
    }

    /// With `A = op(a)`, `B = op(b)`: `dA = dy · Bᵀ` and `dB = Aᵀ · dy`, each transposed back into the layout in which its operand is stored.
    private static Tensor[] ofMatMul(MatMul op, Tensor[] in, Tensor dy, boolean[] wanted, boolean[] weights, int leaves) {
        Tensor a = in[0];
        Tensor b = in[1];
        Tensor da = null;
        Tensor db = null;
        if (wanted[0]) {
            da = op.transposeA()
                    ? Compute.one(new MatMul(op.transposeB(), true), b, dy)
                    : Compute.one(new MatMul(false, !op.transposeB()), dy, b);
            da = plain(da, weights[0], leaves);
        }
        if (wanted[1]) {
            boolean shared = b.shape().rank() == 2 && !op.transposeA();
            Tensor left = a;
            Tensor right = dy;
            if (shared) {                                        // every row of a met this b: sum over rows, leaf by leaf
                int runs = weights[1] ? leaves : 1;
                left = Compute.contiguous(a).reshape(runs, a.shape().rows() / runs, a.shape().last());
                right = dy.reshape(runs, dy.shape().rows() / runs, dy.shape().last());
            }
            db = op.transposeB()
                    ? Compute.one(new MatMul(true, op.transposeA()), right, left)
                    : Compute.one(new MatMul(!op.transposeA(), false), left, right);
            if (!shared) {
                db = plain(db, weights[1], leaves);
            }
        }
        return new Tensor[] {da, db};
    }

    /// The gradient of an operand that does not sum over rows; as a parameter it can only stand in a pass of one leaf.
    static Tensor plain(Tensor gradient, boolean weight, int leaves) {
        if (!weight) {
            return gradient;
        }
        check(leaves == 1, "a parameter of this operator has no gradient for each leaf; wanted a pass of one leaf, found %d", leaves);
        return gradient.reshape(gradient.shape().prepend(1));
    }
}
