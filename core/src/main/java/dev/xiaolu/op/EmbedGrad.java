package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [Embed] with respect to the table, one sum for each leaf of work.
///
/// Takes `dy [..., hidden]` F32 and `ids [...]` I32, gives `dweight [leaves, vocab, hidden]`. The rows (all axes of `ids` flattened)
/// are cut into `leaves` equal runs. Within a run, the rows that carry one id, taken in ascending order and counted from 0, are the summed axis:
/// plain additions from +0 in leaves of 256, leaves added in the balanced tree. Ids that do not occur give +0.
///
/// @param vocab  number of rows of the table
/// @param leaves number of leaves of work
public record EmbedGrad(int vocab, int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES);
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "dy ids");
        Shape dy = Types.f32(this, inputs, 0, "dy");
        Shape ids = Types.typed(this, inputs, 1, "ids", DType.I32);
        check(dy.rows() == ids.size(), "EmbedGrad: dy is %s, wanted one row for each of the ids %s", dy, ids);
        Types.leaves(this, leaves, ids.size());
        return List.of(TensorType.f32(Shape.of(leaves, vocab, dy.last())));
    }
}
