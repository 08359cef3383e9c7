package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;

/// The arithmetic of one operator on one backend.
@FunctionalInterface
public interface Kernel<O extends Op> {
    /// Computes `outputs` from `inputs`; the shapes have been checked by [Op#infer].
    void run(O op, Tensor[] inputs, Tensor[] outputs);
}
