package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Looks rows up in a table, `y_i = weight[ids_i]`.
///
/// Takes `weight [vocab, hidden]` F32 and `ids [...]` I32, each id from 0 to `vocab - 1`, gives `y [..., hidden]`: a copy, no arithmetic.
/// An id out of range throws [IndexOutOfBoundsException] naming its position and value.
public record Embed() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "weight ids");
        Shape weight = Types.f32(this, inputs, 0, "weight");
        check(weight.rank() == 2, "Embed: weight is %s, wanted [vocab, hidden]", weight);
        Shape ids = Types.typed(this, inputs, 1, "ids", DType.I32);
        long[] sizes = java.util.Arrays.copyOf(ids.toArray(), ids.rank() + 1);
        sizes[ids.rank()] = weight.last();
        return List.of(TensorType.f32(Shape.of(sizes)));
    }
}
