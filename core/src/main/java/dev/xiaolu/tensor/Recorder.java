package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;
import java.util.function.UnaryOperator;

/// Told of every operator that [Compute] has run, in order; a tape for gradients is one.
@FunctionalInterface
public interface Recorder {
    /// Called after `op` has run. The arrays must not be changed.
    void ran(Op op, Tensor[] inputs, Tensor[] outputs);

    /// Called after something else than an operator of this process has made `output` from `input`, such as other processes; `gradient` takes the gradient of `output` and gives that of `input`.
    default void made(Tensor input, Tensor output, UnaryOperator<Tensor> gradient) {
        throw new UnsupportedOperationException("this recorder knows operators alone");
    }
}
