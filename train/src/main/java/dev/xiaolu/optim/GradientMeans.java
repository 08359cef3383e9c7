package dev.xiaolu.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;

/// The mean gradients of some parameters, from the sums of everybody who added leaves of the step.
///
/// Owns its memory until [#close]; one thread at a time; runs on the current [Compute].
public final class GradientMeans implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Map<String, Tensor> means = new HashMap<>();

    /// Works out the mean of one parameter's gradient over `leaves` leaves, whose sums are `sums`, and adds its squares to `norm`.
    public void add(SquaredNorm norm, Parameter parameter, int leaves, Tensor... sums) {
        square(norm, mean(parameter, leaves, sums));
    }

    /// Works out the mean of one parameter's gradient over `leaves` leaves, whose sums are `sums`.
    public Tensor mean(Parameter parameter, int leaves, Tensor... sums) {
        Tensor mean = means.computeIfAbsent(parameter.name(), _ -> Tensor.zeros(arena, DType.F32, parameter.shape()));
        Compute.into(new FixedMean(leaves), sums, mean);
        return mean;
    }

    /// Adds the squares of a mean, or of some whole blocks of one, to `norm`.
    public static void square(SquaredNorm norm, Tensor mean) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        Tensor blocks = Compute.one(new SquareSums(), mean);
        for (long block = 0; block < blocks.shape().size(); block++) {
            norm.add(blocks.data().getAtIndex(JAVA_FLOAT, block));
        }
        scratch.reset(before);
    }

    /// The mean gradient of a parameter, F32, as it was worked out last.
    public Tensor of(String parameter) {
        return means.get(parameter);
    }

    @Override public void close() {
        arena.close();
    }
}
