package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Lays out the copies of tokens as an [ExpertPlan] says.
///
/// Takes `x [..., hidden]` F32 and `places [rows, count]` I32, a row for each row of `x`,
/// gives `y [rows · count, hidden]`: row `places_rk` of `y` is a copy of row `r` of `x`.
/// `places` must hold each place once; one outside throws [IndexOutOfBoundsException].
public record TakeRows() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x places");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape places = Types.places(this, inputs, 1, x.rows());
        return List.of(TensorType.f32(Shape.of(places.size(), x.last())));
    }
}
