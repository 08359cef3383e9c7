package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [Mean]: `dx_i = dy_leaf / (rows / leaves)`.
///
/// Takes `dy [leaves]`, gives `dx [rows]`, F32; one division for each leaf.
///
/// @param rows number of rows of the forward operator's input, a multiple of the number of leaves
public record MeanGrad(long rows) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "dy");
        Shape dy = Types.f32(this, inputs, 0, "dy");
        check(dy.rank() == 1, "MeanGrad: dy is %s, wanted [leaves]", dy);
        Types.leaves(this, dy.size(), rows);
        return List.of(TensorType.f32(Shape.of(rows)));
    }
}
