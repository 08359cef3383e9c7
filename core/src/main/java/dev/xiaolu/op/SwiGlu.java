package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gated activation, `y = (gate · sigmoid(gate)) · up`, element by element.
///
/// Takes `gate [...]` and `up [...]`, gives `y [...]`, all F32; the products in the order written. Source: Shazeer 2020, arXiv:2002.05202.
public record SwiGlu() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().using("sigmoid");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "gate up");
        Shape gate = Types.f32(this, inputs, 0, "gate");
        Types.same(this, "up", Types.f32(this, inputs, 1, "up"), "gate", gate);
        return List.of(TensorType.f32(gate));
    }
}
