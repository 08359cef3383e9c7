package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gated activation with its inputs kept small, `y = (g · sigmoid(g)) · u` with `g = min(gate, limit)` and `u = max(−limit, min(up, limit))`, element by element.
///
/// Takes `gate [...]` and `up [...]`, gives `y [...]`, all F32; `min` and `max` as Java's, so a NaN
/// stays one. Sources: Shazeer 2020, arXiv:2002.05202; DeepSeek-AI 2026, arXiv:2606.19348.
///
/// @param limit the largest gate, and the largest magnitude of `up`; positive
public record ClampedSwiGlu(float limit) implements Op.Differentiable {
    public ClampedSwiGlu {
        check(limit > 0, "ClampedSwiGlu: limit is %s, wanted a positive number", limit);
    }

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
