package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Rotary position embedding in the half-split layout: channels `i` and `i + dim/2` are one pair.
///
/// Takes `x [..., heads, dim]` with `dim` even, `table [positions, dim]` (the cosines in the first half of a row, the sines in the second), both F32,
/// and `positions [...]` I32 with the leading axes of `x` (all but `heads` and `dim`), gives `y` shaped as `x`. With `c` and `s` of the row's position:
/// `y_i = fma(x_i, c, −(x_j · s))`, `y_j = fma(x_j, c, x_i · s)` for `j = i + dim/2`; `inverse` takes `−s` for `s`. The inverse is also the gradient.
/// Source: Su et al. 2021, arXiv:2104.09864.
///
/// @param inverse whether to rotate back
public record Rope(boolean inverse) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x table positions");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape table = Types.f32(this, inputs, 1, "table");
        Shape positions = Types.typed(this, inputs, 2, "positions", DType.I32);
        check(x.rank() >= 2 && x.last() % 2 == 0, "Rope: x is %s, wanted [..., heads, dim] with dim even", x);
        check(table.rank() == 2 && table.last() == x.last(), "Rope: table is %s, wanted [positions, %d]", table, x.last());
        Types.same(this, "positions", positions, "the leading axes of x", x.part(0, x.rank() - 2));
        return List.of(TensorType.f32(x));
    }
}
