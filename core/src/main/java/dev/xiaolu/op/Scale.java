package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// A constant factor on every element, `y = factor · x`, rounded once; its gradient is the same operator.
///
/// Takes `x [...]`, gives `y [...]`, both F32.
///
/// @param factor what every element is multiplied by
public record Scale(float factor) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        return List.of(TensorType.f32(Types.f32(this, inputs, 0, "x")));
    }
}
