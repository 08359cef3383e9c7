package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [HyperMix].
///
/// Takes `x [..., n, hidden]`, `y [..., hidden]`, `post [..., n]`, `comb [..., n, n]`,
/// `dmixed [..., n, hidden]`, gives `dx`, `dy`, `dpost` and `dcomb` of the inputs' shapes, all F32:
/// `dx_jc` = chain of `fma(comb_jk, dmixed_kc, ·)` in ascending `k` from +0; `dy_c` = chain of `fma(post_k, dmixed_kc, ·)` in ascending `k` from +0;
/// `dpost_k` = row sum of `fma(dmixed_k, y, ·)` and `dcomb_jk` = row sum of `fma(dmixed_k, x_j, ·)`, each in 32 lanes.
public record HyperMixGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma().noting("sums over the streams are chains in ascending order");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x y post comb dmixed");
        Types.same(this, "dmixed", Types.f32(this, inputs, 4, "dmixed"), "x", HyperMix.checked(this, inputs));
        return inputs.subList(0, 4);
    }
}
