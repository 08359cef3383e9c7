package dev.xiaolu.nn;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import java.util.Optional;

/// Gives a new parameter its elements: drawn from a key, or read from a checkpoint.
@FunctionalInterface
public interface Filler {
    /// Fills `value` (contiguous; F32, or I32 for a [Table]); `initial` says how it would be drawn.
    void fill(String name, Tensor value, Initial initial);

    /// The weight of this name and shape as it is stored elsewhere, where it shall stay there; else a parameter is allocated and filled.
    default Optional<Weight> stored(String name, Shape shape) {
        return Optional.empty();
    }

    /// How a parameter starts when nothing is read for it.
    sealed interface Initial {}

    /// Every element is `value`.
    record Constant(float value) implements Initial {}

    /// Independent normal draws around zero.
    record Normal(float std) implements Initial {}

    /// Rows of distinct whole numbers from 0 to below `ids`, each number about equally often: a table that is looked up and never trained.
    record Table(int ids) implements Initial {}
}
