package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Rotary position embedding of the last channels, in interleaved pairs.
///
/// Takes `x [..., heads, dim]`, `table [positions, 2 · pairs]` with `2 · pairs ≤ dim` (the cosines in the first half of a row, the sines in the second), both F32,
/// and `positions [...]` I32 with the leading axes of `x` (all but `heads` and `dim`), gives `y` shaped as `x`. The last `2 · pairs` channels are pairs of neighbours:
/// with `a = dim − 2 · pairs + 2i`, `b = a + 1`, and `c`, `s` the `i`-th cosine and sine of the row's position, `y_a = fma(x_a, c, −(x_b · s))`, `y_b = fma(x_b, c, x_a · s)`;
/// `inverse` takes `−s` for `s`. The channels before are copied. The inverse is also the gradient.
/// A position outside the table throws [IndexOutOfBoundsException]. Source: Su et al. 2021, arXiv:2104.09864.
///
/// @param inverse whether to rotate back
public record RopePairs(boolean inverse) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x table positions");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape table = Types.f32(this, inputs, 1, "table");
        Shape positions = Types.typed(this, inputs, 2, "positions", DType.I32);
        check(x.rank() >= 2, "RopePairs: x is %s, wanted [..., heads, dim]", x);
        check(table.rank() == 2 && table.last() % 2 == 0 && table.last() <= x.last(), "RopePairs: table is %s, wanted [positions, an even number up to %d]", table, x.last());
        Types.same(this, "positions", positions, "the leading axes of x", x.part(0, x.rank() - 2));
        return List.of(TensorType.f32(x));
    }
}
