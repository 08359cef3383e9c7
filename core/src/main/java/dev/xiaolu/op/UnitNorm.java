package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Root-mean-square norm over the last axis without a gain, `y = x / √(mean(x²) + epsilon)`.
///
/// Takes `x [..., hidden]`, gives `y [..., hidden]`, both F32. In order, each operation rounded once: `s` = row sum of `fma(x, x, ·)` in 32 lanes;
/// `r = 1 / √(s / hidden + epsilon)`; `y_i = x_i · r`. Source: Zhang and Sennrich 2019, arXiv:1910.07467.
///
/// @param epsilon added to the mean square; positive
public record UnitNorm(float epsilon) implements Op.Differentiable {
    public UnitNorm {
        check(epsilon > 0, "UnitNorm: epsilon is %s, wanted a positive number", epsilon);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        return List.of(TensorType.f32(Types.f32(this, inputs, 0, "x")));
    }
}
