package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [RouteScores].
///
/// Takes `scores [rows, experts]`, of which only the shape is read, `chosen [rows, count]` I32 and `dweights [rows, count]`, gives `dscores [rows, experts]`, F32:
/// `dweights_k · scale` for the chosen scores, +0 for the others.
///
/// @param scale that of the forward operator
public record RouteScoresGrad(float scale) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores chosen dweights");
        Shape chosen = RouteWeights.chosen(this, inputs);
        Types.same(this, "dweights", Types.f32(this, inputs, 2, "dweights"), "chosen", chosen);
        return List.of(inputs.getFirst());
    }
}
