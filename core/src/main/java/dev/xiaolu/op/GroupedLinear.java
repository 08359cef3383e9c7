package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// A linear layer that is block-diagonal: each group of inputs has a weight of its own.
///
/// Takes `x [..., groups, in]` and `weight [groups · out, in]`, of which rows `g · out` to `(g + 1) · out − 1` act on group `g`, gives `y [..., groups, out]`, all F32.
/// Transposed it takes `x [..., groups, out]` and gives `y [..., groups, in]`, which is what gradients need. Every element is a dot product as in [MatMul].
///
/// @param transposed whether a group's weight is applied transposed
public record GroupedLinear(boolean transposed) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x weight");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape weight = Types.f32(this, inputs, 1, "weight");
        check(x.rank() >= 2 && x.axis(-2) > 0, "GroupedLinear: x is %s, wanted [..., groups, in]", x);
        long groups = x.axis(-2);
        check(weight.rank() == 2 && weight.axis(0) % groups == 0, "GroupedLinear: weight is %s, wanted [%d · out, in] for the %d groups of x %s", weight, groups, groups, x);
        long out = weight.axis(0) / groups;
        long inner = transposed ? out : weight.last();
        check(x.last() == inner, "GroupedLinear: x is %s and weight %s, wanted a last axis of %d for %d groups", x, weight, inner, groups);
        return List.of(TensorType.f32(x.with(-1, transposed ? weight.last() : out)));
    }
}
