package dev.xiaolu.optim;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.autograd.GradientSink;
import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/// The gradient of one step as integers: every leaf of work is added exactly, so neither the order of leaves nor who computed them can matter.
///
/// Integers are in units of 2^−52. With `L` leaves a step each element of a leaf's gradient must stay below `2^11 / L` (rounded down to a power of two);
/// a larger one, or a NaN, marks the step as overflowed. Owns its memory until [#close]; one thread at a time; runs on the current [Compute].
public final class GradientSums implements GradientSink, AutoCloseable {
    private final List<Parameter> parameters;
    private final Arena arena;
    private final Map<String, Tensor> sums = new LinkedHashMap<>();
    private final Tensor overflow;
    private final GradientMeans means = new GradientMeans();
    private int leavesOfStep;
    private FixedAdd add;
    private FixedAdd start;
    private long leavesAdded;
    private final Set<String> begun = new HashSet<>();           // parameters whose sums are of this step; the others' memory holds what was before
    private final Set<String> outside = new LinkedHashSet<>();

    /// Sums for these parameters.
    public GradientSums(Collection<Parameter> parameters) {
        this(parameters, Arena.ofShared());
    }

    /// Sums for these parameters in `arena`, which is closed with them.
    public GradientSums(Collection<Parameter> parameters, Arena arena) {
        this.parameters = List.copyOf(parameters);
        this.arena = arena;
        for (Parameter parameter : parameters) {
            sums.put(parameter.name(), Tensor.zeros(arena, DType.I64, parameter.shape()));
        }
        overflow = Tensor.zeros(arena, DType.I64, Shape.of(1));
    }

    /// The same where others read the memory of the sums, which is that of this step from here on; gradients of some parameters alone, by name, are added here, and the memory of the others is left as it is.
    public void begin(int leaves, Predicate<String> which) {
        begin(leaves);
        sums.forEach((name, sum) -> {
            begun.add(name);
            if (which.test(name)) {
                sum.data().fill((byte) 0);
            }
        });
    }

    /// Starts a step of so many leaves.
    public void begin(int leaves) {
        check(leaves > 0 && leaves <= 1 << 20, "a step of %d leaves, wanted 1 to 2^20", leaves);
        leavesOfStep = leaves;
        int halvings = 32 - Integer.numberOfLeadingZeros(leaves - 1);                    // ⌈log2(leaves)⌉
        add = new FixedAdd(Math.scalb(2048f, -halvings), false);
        start = new FixedAdd(add.limit(), true);
        begun.clear();
        overflow.data().fill((byte) 0);
        outside.clear();
        leavesAdded = 0;
    }

    @Override public void accept(Parameter parameter, Tensor gradients) {
        long before = overflows();
        Compute.run(begun.add(parameter.name()) ? start : add, gradients, sums.get(parameter.name()), overflow);
        if (overflows() != before) {
            outside.add(parameter.name());
        }
    }

    /// What adds the gradients of leaves to a sum of this step.
    public FixedAdd adding() {
        return add;
    }

    /// Counts leaves whose every gradient has been added.
    public void counted(int leaves) {
        leavesAdded += leaves;
    }

    /// Whether an element left the range, or was no number.
    public boolean overflowed() {
        return overflows() != 0;
    }

    /// How many elements left the range, or were no number; those of others who added leaves of the step can be added to it.
    public long overflows() {
        return overflow.data().get(JAVA_LONG, 0);
    }

    /// The parameters of which an element left the range, or was no number, here; in the order in which that was found, which is that of the backward pass.
    public List<String> outside() {
        return List.copyOf(outside);
    }

    /// Adds what `other` holds, of the same step and of parameters that are here too.
    public void addAll(GradientSums other) {
        other.sums.keySet().forEach(name -> {
            MemorySegment own = sum(name).data(), theirs = other.sum(name).data();
            for (long i = 0; i < sum(name).shape().size(); i++) {
                own.setAtIndex(JAVA_LONG, i, own.getAtIndex(JAVA_LONG, i) + theirs.getAtIndex(JAVA_LONG, i));
            }
        });
        overflow.data().set(JAVA_LONG, 0, overflows() + other.overflows());
        outside.addAll(other.outside);
        leavesAdded += other.leavesAdded;
    }

    /// The sum of a parameter's gradients over the leaves added so far, I64; null for a parameter that has none here.
    public Tensor sum(String parameter) {
        Tensor sum = sums.get(parameter);
        if (sum != null && begun.add(parameter)) {
            sum.data().fill((byte) 0);
        }
        return sum;
    }

    /// Ends the step's adding where all leaves were added here: works out the mean gradient of every parameter and gives the norm of all of them; beyond the range of [SquaredNorm] it is infinite.
    public double finish() {
        check(leavesAdded == leavesOfStep, "%d leaves were added, wanted %d", leavesAdded, leavesOfStep);
        var norm = new SquaredNorm();
        parameters.forEach(parameter -> means.add(norm, parameter, leavesOfStep, sum(parameter.name())));
        return norm.root();
    }

    /// The mean gradient of a parameter over the step's leaves, F32; valid from [#finish] to the next one.
    public Tensor mean(String parameter) {
        return means.of(parameter);
    }

    @Override public void close() {
        means.close();
        arena.close();
    }
}
