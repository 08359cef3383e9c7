package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The weights of a token's experts where they are its scores as they stand: [RouteWeights] without the normalisation.
///
/// Takes `scores [rows, experts]` F32 and `chosen [rows, count]` I32, distinct in each row, gives
/// `weights [rows, count]` F32: `weights_k = s_k · scale`. An expert outside `0..experts−1` throws [IndexOutOfBoundsException]. Source: Fedus et al. 2021, arXiv:2101.03961.
///
/// @param scale the factor on all weights; positive
public record RouteScores(float scale) implements Op.Differentiable {
    public RouteScores {
        check(scale > 0, "RouteScores: scale is %s, wanted a positive number", scale);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores chosen");
        return List.of(TensorType.f32(RouteWeights.chosen(this, inputs)));
    }
}
