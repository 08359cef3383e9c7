package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [RouteWeights].
///
/// Takes `scores [rows, experts]`, `chosen [rows, count]` I32, `dweights [rows, count]`, gives
/// `dscores [rows, experts]`, F32. With `t` as in the forward operator and `p_k = s_k / t`:
/// `d` = chain of `fma(dweights_k, p_k, ·)` in ascending `k` from +0; the gradient of the chosen score is `((dweights_k − d) / t) · scale`, that of the others +0.
///
/// @param scale that of the forward operator
public record RouteWeightsGrad(float scale) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma().noting("sums over a token's experts are chains in the order of chosen");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores chosen dweights");
        Shape chosen = RouteWeights.chosen(this, inputs);
        Types.same(this, "dweights", Types.f32(this, inputs, 2, "dweights"), "chosen", chosen);
        return List.of(inputs.getFirst());
    }
}
