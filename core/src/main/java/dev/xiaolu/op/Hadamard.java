package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Rotates the last axis by the Hadamard matrix in Sylvester's order, scaled to be orthonormal: `y = H · x / √dim`, `H_ij = (−1)^popcount(i & j)`.
///
/// Takes `x [..., dim]` F32 with `dim` a power of two, gives `y` shaped as `x`. For the strides `h = 1, 2, 4, …` below `dim` in turn, every pair of channels `i` and `i + h` whose index `i` lacks
/// the bit `h` becomes `x_i + x_{i+h}` and `x_i − x_{i+h}`; at the end each channel is multiplied by `1/√dim`, rounded once to F32. The matrix is its own inverse, so the operator is its own gradient.
public record Hadamard() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().noting("butterflies by ascending stride");
    }

    /// What a row of `dim` channels is multiplied by.
    public static float scale(long dim) {
        return (float) (1 / Math.sqrt(dim));
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Shape x = Types.f32(this, inputs, 0, "x");
        check(x.rank() >= 1 && Long.bitCount(x.last()) == 1, "Hadamard: x is %s, wanted a last axis that is a power of two", x);
        return List.of(TensorType.f32(x));
    }
}
