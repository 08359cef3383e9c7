package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Reads one hidden state from the streams of hyper-connections, `u = Σ_s pre_s · X_s`.
///
/// Takes `pre [..., n]` and `x [..., n, hidden]`, gives `u [..., hidden]`, all F32: one chain of `fma(pre_s, x_sc, ·)` in ascending `s` from +0.
/// Source: Zhu et al. 2024, arXiv:2409.19606.
public record HyperCollapse() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma().noting("sums over the streams are chains in ascending order");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "pre x");
        return List.of(TensorType.f32(collapsed(this, inputs)));
    }

    /// The shape of `u`, once `pre` and `x` fit together.
    static Shape collapsed(Op op, List<TensorType> inputs) {
        Shape x = Types.streams(op, inputs, 1, "x");
        Types.same(op, "pre", Types.f32(op, inputs, 0, "pre"), "x without its last axis", x.part(0, x.rank() - 1));
        return Types.append(x.part(0, x.rank() - 2), x.last());
    }
}
