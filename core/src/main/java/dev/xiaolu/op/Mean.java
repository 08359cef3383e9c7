package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Mean of each leaf of work over its rows.
///
/// Takes `x [rows]`, gives `y [leaves]`, F32: the rows are cut into `leaves` equal runs; each run is summed in 32 lanes (the lane counted from the run's start) and divided by its length.
///
/// @param leaves number of leaves of work
public record Mean(int leaves) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES);
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Shape x = Types.f32(this, inputs, 0, "x");
        check(x.rank() == 1, "Mean: x is %s, wanted [rows]", x);
        Types.leaves(this, leaves, x.size());
        return List.of(TensorType.f32(Shape.of(leaves)));
    }
}
