package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The mean of a sum made by [FixedAdd], `y = (float(sum) · 2^−52) / count`.
///
/// Takes `sum [...]` I64, gives `y [...]` F32: the integer is rounded once to F32 (nearest even), scaled, divided by `count`.
///
/// @param count how many leaves were added
public record FixedMean(int count) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "sum");
        check(count > 0, "FixedMean: count is %d, wanted a positive number", count);
        return List.of(TensorType.f32(Types.typed(this, inputs, 0, "sum", DType.I64)));
    }
}
