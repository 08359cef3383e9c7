package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The weights of a token's experts: their scores, normalised over the chosen ones.
///
/// Takes `scores [rows, experts]` F32 and `chosen [rows, count]` I32, distinct in each row, gives
/// `weights [rows, count]` F32: `t = (s_0 + s_1 + …) + 1e-20`, plain additions in the order of `chosen`;
/// `weights_k = (s_k / t) · scale`. An expert outside `0..experts−1` throws [IndexOutOfBoundsException]. Source: DeepSeek-AI 2024, arXiv:2412.19437.
///
/// @param scale the factor on all weights (`routed_scaling_factor`); positive
public record RouteWeights(float scale) implements Op.Differentiable {
    /// Keeps the sum of the scores away from 0.
    public static final float SMALLEST_SUM = 1e-20f;

    public RouteWeights {
        check(scale > 0, "RouteWeights: scale is %s, wanted a positive number", scale);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().noting("the sum over a token's experts is a chain in the order of chosen");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores chosen");
        return List.of(TensorType.f32(chosen(this, inputs)));
    }

    /// The shape of `chosen`, once it fits the scores.
    static Shape chosen(Op op, List<TensorType> inputs) {
        Shape scores = Types.matrix(op, inputs, 0, "scores", "[rows, experts]");
        Shape chosen = Types.typed(op, inputs, 1, "chosen", DType.I32);
        check(chosen.rank() == 2 && chosen.axis(0) == scores.axis(0), "%s: chosen is %s, wanted [%d, count], a row for each of scores %s",
                op.name(), chosen, scores.axis(0), scores);
        return chosen;
    }
}
