package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Writes a sub-layer's output into the streams of hyper-connections and mixes them,
/// `X'_k = post_k · y + Σ_j comb_jk · X_j`: the sum runs over the *first* index of `comb`.
///
/// Takes `x [..., n, hidden]`, `y [..., hidden]`, `post [..., n]` and `comb [..., n, n]`, gives
/// `mixed [..., n, hidden]`, all F32. One chain: it starts with the product `post_k · y_c`,
/// then `fma(comb_jk, x_jc, ·)` in ascending `j`. Source: Xie et al. 2025, arXiv:2512.24880.
public record HyperMix() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma().noting("sums over the streams are chains in ascending order");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x y post comb");
        return List.of(TensorType.f32(checked(this, inputs)));
    }

    /// The shape of `x`, once all four fit together.
    static Shape checked(Op op, List<TensorType> inputs) {
        Shape x = Types.streams(op, inputs, 0, "x");
        Shape streams = x.part(0, x.rank() - 1);
        Types.same(op, "y", Types.f32(op, inputs, 1, "y"), "x without its streams", Types.append(x.part(0, x.rank() - 2), x.last()));
        Types.same(op, "post", Types.f32(op, inputs, 2, "post"), "x without its last axis", streams);
        Types.same(op, "comb", Types.f32(op, inputs, 3, "comb"), "streams by streams", Types.append(streams, streams.last()));
        return x;
    }
}
