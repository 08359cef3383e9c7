package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;

/// Gives a new parameter its elements: drawn from a key, or read from a checkpoint.
@FunctionalInterface
public interface Filler {
    /// Fills `value` (contiguous; F32, or I32 for a [Table]); `initial` says how it would be drawn.
    void fill(String name, Tensor value, Initial initial);

    /// How a parameter starts when nothing is read for it.
    sealed interface Initial {}

    /// Every element is `value`.
    record Constant(float value) implements Initial {}

    /// Independent normal draws around zero.
    record Normal(float std) implements Initial {}

    /// Rows of distinct whole numbers from 0 to below `ids`, each number about equally often: a table that is looked up and never trained.
    record Table(int ids) implements Initial {}
}
