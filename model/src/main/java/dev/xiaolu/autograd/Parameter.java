package dev.xiaolu.autograd;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;

/// A tensor that training changes, under its published name, for example `model.layers.0.mlp.up_proj.weight`.
///
/// @param name  unique in the model, as in its `safetensors` files
/// @param value F32, contiguous; owned by the model
public record Parameter(String name, Tensor value) {
    /// The shape of the value.
    public Shape shape() {
        return value.shape();
    }
}
