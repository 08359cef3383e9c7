package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [Softmax].
///
/// Takes the shares `y [..., n]` and `dy [..., n]`, gives `dx [..., n]`, all F32: `dx_i = y_i · (dy_i − d)` with `d` = row sum of `fma(dy, y, ·)` in 32 lanes.
public record SoftmaxGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "y dy");
        Shape y = Types.f32(this, inputs, 0, "y");
        Types.same(this, "dy", Types.f32(this, inputs, 1, "dy"), "y", y);
        return List.of(TensorType.f32(y));
    }
}
