package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The shares of a row's elements, `y_i = exp(x_i − m) / l`.
///
/// Takes `x [..., n]`, gives `y [..., n]`, both F32. `m` = maximum of the row (NaN where it holds one); `l` = row sum of `exp(x_i − m)` in 32 lanes. A row with a NaN or +∞, or with nothing but −∞, gives NaN.
public record Softmax() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        return List.of(TensorType.f32(Types.f32(this, inputs, 0, "x")));
    }
}
