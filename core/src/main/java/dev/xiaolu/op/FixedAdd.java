package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Adds the gradients of leaves of work to a running sum of integers, or begins one with them, changing `sum` and `overflow` in place.
///
/// Takes `grads [leaves, ...]` F32, `sum [...]` I64 and `overflow [1]` I64, gives nothing. Each gradient becomes an integer in units of 2^−52, rounded to nearest even, and is added.
/// A magnitude of `limit` or more, or a NaN, adds nothing and adds 1 to `overflow`. With `limit = 2^11 / leaves of the step` (rounded down to a power of two) no sum can
/// leave the range, so whether a step overflowed depends on its leaves alone and not on their order. Integer sums have no order.
///
/// @param limit the smallest magnitude refused, at most 2^11
/// @param anew  whether `sum` counts as 0 before, whatever is in it
public record FixedAdd(float limit, boolean anew) implements Op.Plain {
    public FixedAdd {
        check(limit > 0 && limit <= 2048, "FixedAdd: limit is %s, wanted a positive number up to 2048", limit);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().accumulateIn(DType.I64).summing(Numerics.Sum.INTEGER);
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "grads sum overflow");
        Shape grads = Types.f32(this, inputs, 0, "grads");
        Shape sum = Types.typed(this, inputs, 1, "sum", DType.I64);
        check(grads.rank() >= 1 && grads.part(1, grads.rank()).equals(sum), "FixedAdd: grads are %s, wanted [leaves] and the axes of sum %s", grads, sum);
        Types.same(this, "overflow", Types.typed(this, inputs, 2, "overflow", DType.I64), "one counter", Shape.of(1));
        return List.of();
    }
}
