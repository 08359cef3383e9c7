package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Combination of two tensors, `y = fma(alpha, a, beta · b)`, element by element.
///
/// Takes `a [...]` and `b [...]`, gives `y [...]`, all F32 of one shape.
///
/// @param alpha factor on `a`
/// @param beta  factor on `b`
public record Axpby(float alpha, float beta) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "a b");
        Shape a = Types.f32(this, inputs, 0, "a");
        Types.same(this, "b", Types.f32(this, inputs, 1, "b"), "a", a);
        return List.of(TensorType.f32(a));
    }
}
