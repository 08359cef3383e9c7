package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The experts of each token by its id: a row of a table, put into ascending order.
///
/// Takes `table [vocab, count]` I64 or I32, every entry an expert's index and the entries of a
/// row distinct, and `ids [...]` I32, gives `chosen [rows, count]` I32, one row for each id.
/// An id outside `0..vocab−1` or an entry that is negative or beyond 32 bits throws [IndexOutOfBoundsException] naming it. Source: Roller et al. 2021, arXiv:2106.04426.
public record ExpertLookup() implements Op.Choice {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "table ids");
        TensorType table = inputs.get(0);
        check(table.dtype() == DType.I64 || table.dtype() == DType.I32, "ExpertLookup: table is %s, wanted I64 or I32", table);
        check(table.shape().rank() == 2, "ExpertLookup: table is %s, wanted [vocab, count]", table);
        Shape ids = Types.typed(this, inputs, 1, "ids", DType.I32);
        return List.of(new TensorType(DType.I32, Shape.of(ids.size(), table.shape().last())));
    }
}
