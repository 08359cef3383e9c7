package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The score of a router, `s = √softplus(z)`, element by element.
///
/// Takes `z [...]`, gives `s [...]`, both F32. Above [#IDENTITY] softplus is the identity: `s = √z` there, else `√softplus(z)`.
/// Source: DeepSeek-AI 2026, arXiv:2606.19348.
public record SqrtSoftplus() implements Op.Differentiable {
    /// Above this, `softplus(z)` is taken to be `z`.
    public static final float IDENTITY = 20;

    @Override public Numerics numerics() {
        return Numerics.exact().using("softplus");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "z");
        return List.of(TensorType.f32(Types.f32(this, inputs, 0, "z")));
    }
}
