package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [UnitNorm].
///
/// Takes `x [..., hidden]` and `dy [..., hidden]`, gives `dx [..., hidden]`, all F32. With `r` as in the forward operator: `d` = row sum of `fma(dy, x, ·)` in 32 lanes;
/// `c = ((d · r) · r) / hidden`; `dx_i = r · fma(−x_i, c, dy_i)`.
///
/// @param epsilon that of the forward operator
public record UnitNormGrad(float epsilon) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x dy");
        Shape x = Types.f32(this, inputs, 0, "x");
        Types.same(this, "dy", Types.f32(this, inputs, 1, "dy"), "x", x);
        return List.of(TensorType.f32(x));
    }
}
