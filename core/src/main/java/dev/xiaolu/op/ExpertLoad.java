package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Adds to a count for each expert, in place, how often it was chosen: exact, so any order and any number of calls give one result.
///
/// Takes `chosen [rows, count]` I32 and `load [experts]` I64, gives nothing. An expert outside `0..experts−1` throws [IndexOutOfBoundsException].
public record ExpertLoad() implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact().accumulateIn(DType.I64).summing(Numerics.Sum.INTEGER);
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "chosen load");
        Shape chosen = Types.typed(this, inputs, 0, "chosen", DType.I32);
        check(chosen.rank() == 2, "ExpertLoad: chosen is %s, wanted [rows, count]", chosen);
        Shape load = Types.typed(this, inputs, 1, "load", DType.I64);
        check(load.rank() == 1, "ExpertLoad: load is %s, wanted [experts]", load);
        return List.of();
    }
}
