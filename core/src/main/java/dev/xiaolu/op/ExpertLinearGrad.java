package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [ExpertLinear] with respect to the weights, one sum for each leaf of work.
///
/// Takes `x [pairs, in]` and `dy [pairs, out]` F32, `order [pairs]` and `offsets [experts + 1]` I32, gives
/// `dweight [leaves, experts, out, in]` F32. The numbers of the pairs, and with them the rows, are cut into
/// `leaves` equal runs. `dweight_leoi` is the dot product of [MatMul] over the pairs of expert `e` that lie in run
/// `l`, counted from 0 in their order: `fma(dy_po, x_pi, ·)` in leaves of 256 pairs and the balanced tree.
/// An expert without pairs gives +0. The numbers of an expert's pairs must ascend, as those of an [ExpertPlan] do, else [IndexOutOfBoundsException].
///
/// @param leaves number of leaves of work: equal runs of rows
public record ExpertLinearGrad(int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x dy order offsets");
        Shape x = Types.matrix(this, inputs, 0, "x", "[pairs, in]");
        Shape dy = Types.matrix(this, inputs, 1, "dy", "[pairs, out]");
        check(dy.axis(0) == x.axis(0), "ExpertLinearGrad: dy is %s, wanted a row for each of x %s", dy, x);
        Types.same(this, "order", Types.typed(this, inputs, 2, "order", DType.I32), "the rows of x", Shape.of(x.axis(0)));
        Shape offsets = Types.typed(this, inputs, 3, "offsets", DType.I32);
        check(offsets.rank() == 1 && offsets.size() >= 1, "ExpertLinearGrad: offsets are %s, wanted [experts + 1]", offsets);
        Types.leaves(this, leaves, x.axis(0));
        return List.of(TensorType.f32(Shape.of(leaves, offsets.size() - 1, dy.last(), x.last())));
    }
}
