package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [ClampedSwiGlu]: +0 where a clamp is active, which it is beyond the limit and not at the limit itself.
///
/// Takes `gate`, `up`, `dy`, all `[...]`, gives `dgate [...]` and `dup [...]`, all F32. With `g`, `u` as in the forward operator and `s = sigmoid(g)`:
/// `dgate = (dy · u) · (s · fma(g, 1 − s, 1))`, or +0 where `gate > limit`; `dup = dy · (g · s)`, or +0 where `|up| > limit`. A NaN is not beyond the limit.
///
/// @param limit that of the forward operator
public record ClampedSwiGluGrad(float limit) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma().using("sigmoid");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "gate up dy");
        Shape gate = Types.f32(this, inputs, 0, "gate");
        Types.same(this, "up", Types.f32(this, inputs, 1, "up"), "gate", gate);
        Types.same(this, "dy", Types.f32(this, inputs, 2, "dy"), "gate", gate);
        return List.of(TensorType.f32(gate), TensorType.f32(gate));
    }
}
