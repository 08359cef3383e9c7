package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Sum of two tensors of one shape, `y = a + b`.
///
/// Takes `a [...]` and `b [...]`, gives `y [...]`, all F32; one rounding for each element.
public record Add() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "a b");
        Shape a = Types.f32(this, inputs, 0, "a");
        Types.same(this, "b", Types.f32(this, inputs, 1, "b"), "a", a);
        return List.of(TensorType.f32(a));
    }
}
