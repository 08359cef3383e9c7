package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;

/// Told of every operator that [Compute] has run, in order; a tape for gradients is one.
@FunctionalInterface
public interface Recorder {
    /// Called after `op` has run. The arrays must not be changed.
    void ran(Op op, Tensor[] inputs, Tensor[] outputs);
}
