package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [SwiGlu].
///
/// Takes `gate`, `up`, `dy`, all `[...]`, gives `dgate [...]` and `dup [...]`, all F32. With `s = sigmoid(gate)`: `dup = dy · (gate · s)`;
/// `dgate = (dy · up) · (s · fma(gate, 1 − s, 1))`.
public record SwiGluGrad() implements Op.Gradient {
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
