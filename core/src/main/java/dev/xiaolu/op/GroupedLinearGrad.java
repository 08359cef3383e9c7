package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [GroupedLinear] with respect to the weight, one sum for each leaf of work.
///
/// Takes `x [..., groups, in]` and `dy [..., groups, out]`, gives
/// `dweight [leaves, groups · out, in]`, all F32. The rows (all axes before the groups) are cut into `leaves` equal runs;
/// `dweight_(g·out+o)i` is the dot product of [MatMul] over the rows of a run: `fma(dy_rgo, x_rgi, ·)` in leaves of 256 rows and the balanced tree.
///
/// @param leaves number of leaves of work: equal runs of rows
public record GroupedLinearGrad(int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x dy");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape dy = Types.f32(this, inputs, 1, "dy");
        check(x.rank() >= 2 && x.axis(-2) > 0, "GroupedLinearGrad: x is %s, wanted [..., groups, in]", x);
        Types.same(this, "dy without its last axis", dy.part(0, Math.max(0, dy.rank() - 1)), "x", x.part(0, x.rank() - 1));
        Types.leaves(this, leaves, x.rows() / x.axis(-2));
        return List.of(TensorType.f32(Shape.of(leaves, x.axis(-2) * dy.last(), x.last())));
    }
}
