package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// A linear layer for each expert, applied to the tokens that an [ExpertPlan] gave it.
///
/// Takes `x [pairs, in]` and `weight [experts, out, in]` F32, `order [pairs]` and `offsets [experts + 1]` I32,
/// gives `y [pairs, out]` F32: rows `offsets_e` to `offsets_{e+1} − 1` meet the weight of expert `e`.
/// Transposed it takes `x [pairs, out]` and gives `y [pairs, in]`, which is what gradients need.
/// Every element is a dot product as in [MatMul]; a row never depends on the rows beside it.
/// `offsets` must ascend from 0 to `pairs`, else [IndexOutOfBoundsException]. Only the weight's gradient needs `order`.
///
/// @param transposed whether an expert's weight is applied transposed
public record ExpertLinear(boolean transposed) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x weight order offsets");
        Shape x = Types.matrix(this, inputs, 0, "x", "[pairs, in]");
        Shape weight = Types.f32(this, inputs, 1, "weight");
        check(weight.rank() == 3, "ExpertLinear: weight is %s, wanted [experts, out, in]", weight);
        Types.same(this, "order", Types.typed(this, inputs, 2, "order", DType.I32), "the rows of x", Shape.of(x.axis(0)));
        Types.same(this, "offsets", Types.typed(this, inputs, 3, "offsets", DType.I32), "experts and one more", Shape.of(weight.axis(0) + 1));
        long inner = weight.axis(transposed ? 1 : 2);
        check(x.last() == inner, "ExpertLinear: x is %s and weight %s, wanted a last axis of %d", x, weight, inner);
        return List.of(TensorType.f32(x.with(-1, weight.axis(transposed ? 2 : 1))));
    }
}
