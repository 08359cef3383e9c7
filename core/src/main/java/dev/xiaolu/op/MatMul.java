package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Matrix product, `y = op(a) · op(b)`, where `op` transposes the last two axes or does nothing.
///
/// Takes `a [..., m, k]` (or `[..., k, m]` with `transposeA`) and `b [..., k, n]` (or `[..., n, k]` with `transposeB`), gives `y [..., m, n]`, all F32.
/// Either both have the same leading axes (a batch of products), or `b` has rank 2 and `a` is not transposed: then every row of `a` meets the one `b`.
/// Each element is a dot product over `k`: leaves of 256 consecutive indices, each one chain of `acc = fma(a, b, acc)` in ascending order from +0;
/// leaves added in the balanced tree by position. An empty axis `k` gives +0.
///
/// @param transposeA whether `a` is stored `[..., k, m]`
/// @param transposeB whether `b` is stored `[..., n, k]`, as the weights of linear layers are
public record MatMul(boolean transposeA, boolean transposeB) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "a b");
        Shape a = Types.f32(this, inputs, 0, "a");
        Shape b = Types.f32(this, inputs, 1, "b");
        check(a.rank() >= 2 && b.rank() >= 2, "MatMul: a is %s and b is %s, wanted at least two axes each", a, b);
        Shape batch = a.part(0, a.rank() - 2);
        boolean shared = b.rank() == 2 && !transposeA;
        check(shared || batch.equals(b.part(0, b.rank() - 2)), "MatMul: a is %s and b is %s, wanted the same leading axes", a, b);
        long inner = a.axis(transposeA ? -2 : -1);
        long innerOfB = b.axis(transposeB ? -1 : -2);
        check(inner == innerOfB, "MatMul: a is %s and b is %s%s, wanted equal inner axes, found %d and %d", a, b,
                (transposeA ? ", a transposed" : "") + (transposeB ? ", b transposed" : ""), inner, innerOfB);
        return List.of(TensorType.f32(a.with(-2, a.axis(transposeA ? -1 : -2)).with(-1, b.axis(transposeB ? -2 : -1))));
    }
}
