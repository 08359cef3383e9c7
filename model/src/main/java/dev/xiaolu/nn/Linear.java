package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;

/// A linear layer without bias, `y = x · weightᵀ`.
///
/// @param weight `[out, in]`, as published checkpoints store it
public record Linear(Weight weight) {
    /// A new layer in `scope`, drawn with standard deviation `std`.
    public static Linear of(Parameters.Scope scope, int in, int out, float std) {
        return new Linear(scope.matrix(std, out, in));
    }

    /// Takes `x [..., in]`, gives `[..., out]`.
    public Tensor forward(Tensor x) {
        return weight.linear(x);
    }
}
