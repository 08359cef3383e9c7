package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Brings the outputs of a token's experts together, `y_r = Σ_k weights_rk · x at places_rk`.
///
/// Takes `x [rows · count, hidden]` and `weights [rows, count]` F32, `places [rows, count]` I32
/// from an [ExpertPlan], gives `y [rows, hidden]` F32: one chain of `fma(weights_rk, x_pc, ·)`
/// in ascending `k`, which is ascending expert, from +0. A place outside throws [IndexOutOfBoundsException].
public record Combine() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma().noting("a token's experts are added in ascending order");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x weights places");
        return List.of(TensorType.f32(combined(this, inputs)));
    }

    /// The shape of `y`, once all three fit together.
    static Shape combined(Op op, List<TensorType> inputs) {
        Shape x = Types.matrix(op, inputs, 0, "x", "[rows · count, hidden]");
        Shape weights = Types.matrix(op, inputs, 1, "weights", "[rows, count]");
        Types.same(op, "places", Types.places(op, inputs, 2, -1), "weights", weights);
        Types.same(op, "x", x, "a row for each of the weights", Shape.of(weights.size(), x.last()));
        return x.with(0, weights.axis(0));
    }
}
