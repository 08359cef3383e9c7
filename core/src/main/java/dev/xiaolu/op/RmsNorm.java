package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Root-mean-square norm over the last axis, `y = gain · x / √(mean(x²) + epsilon)`.
///
/// Takes `x [..., hidden]` and `gain [hidden]`, gives `y [..., hidden]`, all F32. In order, each operation rounded once: `s` = row sum of `fma(x, x, ·)`
/// in 32 lanes; `r = 1 / √(s / hidden + epsilon)`; `y_i = (x_i · r) · gain_i`. Source: Zhang and Sennrich 2019, arXiv:1910.07467.
///
/// @param epsilon added to the mean square; positive
public record RmsNorm(float epsilon) implements Op.Differentiable {
    public RmsNorm {
        check(epsilon > 0, "RmsNorm: epsilon is %s, wanted a positive number", epsilon);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x gain");
        Shape x = Types.f32(this, inputs, 0, "x");
        Shape gain = Types.f32(this, inputs, 1, "gain");
        check(gain.equals(Shape.of(x.last())), "RmsNorm: gain is %s, wanted [%d], the last axis of x %s", gain, x.last(), x);
        return List.of(TensorType.f32(x));
    }
}
