package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The mean of sums made by [FixedAdd], `y = (float(Σ sums) · 2^−52) / count`.
///
/// Takes one `sum [...]` I64 or several, those of all who added leaves of one step; gives `y [...]` F32: the integers are added exactly, in whatever order,
/// then rounded once to F32 (nearest even), scaled, divided by `count`.
///
/// @param count how many leaves were added to all of them
public record FixedMean(int count) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        check(!inputs.isEmpty(), "FixedMean: no inputs, wanted at least one (sum)");
        check(count > 0, "FixedMean: count is %d, wanted a positive number", count);
        Shape shape = Types.typed(this, inputs, 0, "sum", DType.I64);
        for (int i = 1; i < inputs.size(); i++) {
            Types.same(this, "sum " + i, Types.typed(this, inputs, i, "sum " + i, DType.I64), "sum 0", shape);
        }
        return List.of(TensorType.f32(shape));
    }
}
