package dev.xiaolu.autograd;

import dev.xiaolu.tensor.Tensor;

/// Takes the gradients that a tape's backward pass has finished.
@FunctionalInterface
public interface GradientSink {
    /// Called once for each parameter that the pass used, in an order fixed by the tape.
    ///
    /// @param parameter whose gradient this is
    /// @param gradients `[leaves, ...]`, one gradient for each leaf of work, valid only during the call
    void accept(Parameter parameter, Tensor gradients);
}
