package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;

/// Gives a new parameter its elements: drawn from a key, or read from a checkpoint.
@FunctionalInterface
public interface Filler {
    /// Fills `value` (F32, contiguous); `initial` says how it would be drawn.
    void fill(String name, Tensor value, Initial initial);

    /// How a parameter starts when nothing is read for it.
    sealed interface Initial {}

    /// Every element is `value`.
    record Constant(float value) implements Initial {}

    /// Independent normal draws around zero.
    record Normal(float std) implements Initial {}
}
