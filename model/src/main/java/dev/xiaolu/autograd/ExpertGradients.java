package dev.xiaolu.autograd;

import static dev.xiaolu.autograd.Gradients.plain;

import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Rows of the table of gradients: experts, and products that have a weight for each part of their rows.
final class ExpertGradients {
    private ExpertGradients() {}

    /// With the weight transposed, `x` and `dy` change places in its gradient.
    static Tensor[] of(GroupedLinear op, Tensor[] in, Tensor dy, boolean[] wanted, boolean[] weights, int leaves) {
        Tensor dx = wanted[0] ? plain(Compute.one(new GroupedLinear(!op.transposed()), dy, in[1]), weights[0], leaves) : null;
        Tensor dweight = null;
        if (wanted[1]) {
            var gradient = new GroupedLinearGrad(weights[1] ? leaves : 1);
            dweight = op.transposed() ? Compute.one(gradient, dy, in[0]) : Compute.one(gradient, in[0], dy);
        }
        return new Tensor[] {dx, dweight};
    }

    static Tensor[] of(ExpertLinear op, Tensor[] in, Tensor dy, boolean[] wanted, boolean[] weights, int leaves) {
        Tensor dx = wanted[0] ? plain(Compute.one(new ExpertLinear(!op.transposed()), dy, in[1], in[2], in[3]), weights[0], leaves) : null;
        Tensor dweight = null;
        if (wanted[1]) {
            var gradient = new ExpertLinearGrad(weights[1] ? leaves : 1);
            dweight = op.transposed() ? Compute.one(gradient, dy, in[0], in[2], in[3]) : Compute.one(gradient, in[0], dy, in[2], in[3]);
        }
        return new Tensor[] {dx, dweight, null, null};
    }

    static Tensor[] of(ClampedSwiGlu op, Tensor[] in, Tensor dy, boolean[] weights, int leaves) {
        Tensor[] both = Compute.run(new ClampedSwiGluGrad(op.limit()), in[0], in[1], dy);
        return new Tensor[] {plain(both[0], weights[0], leaves), plain(both[1], weights[1], leaves)};
    }

    static Tensor[] ofCombine(Tensor[] in, Tensor dy, boolean[] weights, int leaves) {
        Tensor[] both = Compute.run(new CombineGrad(), in[0], in[1], in[2], dy);
        return new Tensor[] {plain(both[0], weights[0], leaves), plain(both[1], weights[1], leaves), null};
    }
}
