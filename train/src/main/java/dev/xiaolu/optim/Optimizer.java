package dev.xiaolu.optim;

import dev.xiaolu.tensor.Tensor;
import java.util.Map;
import java.util.function.Function;

/// Changes parameters by their mean gradients. Runs on the current [dev.xiaolu.tensor.Compute]; one thread at a time.
public interface Optimizer extends AutoCloseable {
    /// One step.
    ///
    /// @param step         number of the step, from 1
    /// @param learningRate rate of this step
    /// @param means        the mean gradient of each parameter by name, F32
    /// @param gradScale    factor on every gradient, from clipping
    void step(long step, double learningRate, Function<String, Tensor> means, float gradScale);

    /// Everything that must be saved to go on with the same bits, by name; the tensors themselves, F32, contiguous.
    Map<String, Tensor> state();

    @Override void close();
}
