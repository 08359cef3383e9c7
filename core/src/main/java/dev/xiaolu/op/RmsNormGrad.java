package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [RmsNorm].
///
/// Takes `x [..., hidden]`, `gain [hidden]`, `dy [..., hidden]`, gives `dx [..., hidden]` and `dgain [leaves, hidden]`, all F32. With `r` as in the forward operator:
/// `g_i = dy_i · gain_i`; `d` = row sum of `fma(g, x, ·)` in 32 lanes; `c = ((d · r) · r) / hidden`; `dx_i = r · fma(−x_i, c, g_i)`.
/// `dgain_j` sums over the rows of its leaf of work: `fma(dy_ij, x_ij · r_i, ·)` in leaves of 256 rows and the balanced tree.
///
/// @param epsilon that of the forward operator
/// @param leaves  number of leaves of work: equal runs of rows
public record RmsNormGrad(float epsilon, int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma().noting("dgain sums rows in leaves of 256");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x gain dy");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape gain = Types.f32(this, inputs, 1, "gain");
        check(gain.equals(Shape.of(x.last())), "RmsNormGrad: gain is %s, wanted [%d], the last axis of x %s", gain, x.last(), x);
        Types.same(this, "dy", Types.f32(this, inputs, 2, "dy"), "x", x);
        Types.leaves(this, leaves, x.rows());
        return List.of(TensorType.f32(x), TensorType.f32(Shape.of(leaves, x.last())));
    }
}
