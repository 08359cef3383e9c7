package dev.xiaolu.optim;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.autograd.GradientSink;
import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;

/// The gradient of one step as integers: every leaf of work is added exactly, so neither the order of leaves nor who computed them can matter.
///
/// Integers are in units of 2^−52. With `L` leaves a step each element of a leaf's gradient must stay below `2^11 / L` (rounded down to a power of two);
/// a larger one, or a NaN, marks the step as overflowed. Owns its memory until [#close]; one thread at a time; runs on the current [Compute].
public final class GradientSums implements GradientSink, AutoCloseable {
    private static final double NORM_UNIT = 0x1p-40;             // resolution of squared norms; their range is 2^23

    private final Arena arena = Arena.ofShared();
    private final Map<String, Tensor> sums = new LinkedHashMap<>();
    private final Map<String, Tensor> means = new LinkedHashMap<>();
    private final Tensor overflow = Tensor.zeros(arena, DType.I64, Shape.of(1));
    private int leavesOfStep;
    private FixedAdd add;
    private long leavesAdded;

    /// Sums for these parameters.
    public GradientSums(Collection<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            sums.put(parameter.name(), Tensor.zeros(arena, DType.I64, parameter.shape()));
            means.put(parameter.name(), Tensor.zeros(arena, DType.F32, parameter.shape()));
        }
    }

    /// Starts a step of so many leaves.
    public void begin(int leaves) {
        check(leaves > 0 && leaves <= 1 << 20, "a step of %d leaves, wanted 1 to 2^20", leaves);
        leavesOfStep = leaves;
        int halvings = 32 - Integer.numberOfLeadingZeros(leaves - 1);                    // ⌈log2(leaves)⌉
        add = new FixedAdd(Math.scalb(2048f, -halvings));
        sums.values().forEach(sum -> sum.data().fill((byte) 0));
        overflow.data().fill((byte) 0);
        leavesAdded = 0;
    }

    @Override public void accept(Parameter parameter, Tensor gradients) {
        Compute.run(add, gradients, sums.get(parameter.name()), overflow);
    }

    /// Counts leaves whose every gradient has been added.
    public void counted(int leaves) {
        leavesAdded += leaves;
    }

    /// Whether an element left the range, or was no number.
    public boolean overflowed() {
        return overflow.data().get(JAVA_LONG, 0) != 0;
    }

    /// Ends the step's adding: works out the mean gradient of every parameter and gives the norm of all of them.
    ///
    /// The squared norm is itself an integer sum, of blocks of 4096 elements in units of 2^−40; beyond its range the norm is infinite.
    public double finish() {
        check(leavesAdded == leavesOfStep, "%d leaves were added, wanted %d", leavesAdded, leavesOfStep);
        long total = 0;
        boolean inRange = true;
        var mean = new FixedMean(leavesOfStep);
        for (String name : sums.keySet()) {
            Compute.into(mean, new Tensor[] {sums.get(name)}, means.get(name));
            Tensor blocks = Compute.one(new SquareSums(), means.get(name));
            for (long block = 0; block < blocks.shape().size(); block++) {
                double units = Math.rint(blocks.data().getAtIndex(JAVA_FLOAT, block) / NORM_UNIT);
                inRange &= units < 0x1p62;
                total += (long) units;
                inRange &= total >= 0;
            }
        }
        return inRange ? Math.sqrt(total * NORM_UNIT) : Double.POSITIVE_INFINITY;
    }

    /// The mean gradient of a parameter over the step's leaves, F32; valid from [#finish] to the next [#begin].
    public Tensor mean(String parameter) {
        return means.get(parameter);
    }

    @Override public void close() {
        arena.close();
    }
}
