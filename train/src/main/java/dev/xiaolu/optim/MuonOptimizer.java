package dev.xiaolu.optim;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Sums;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/// Muon for hidden matrices, AdamW for everything else.
///
/// With gradient `G`: `M ← momentum · M + G`; `U` = the orthogonal factor of `momentum · M + G` by the hybrid Newton–Schulz iteration;
/// `W ← (1 − rate · decay) · W − rate · gamma · √(max(rows, columns)) · U`, which gives updates of root-mean-square `gamma`, so that AdamW's rates carry over.
/// A parameter of more than two axes is a stack of matrices, each of which is treated by itself, in runs that go through the operators together.
/// The iteration works on the smaller side: `X ← a X + (b A + c A²) X` with `A = X Xᵀ`, or its mirror image for tall matrices.
/// Sources: Jordan et al. 2024 (Muon); DeepSeek-V4 2026, arXiv:2606.19348, §2.4, for the hybrid coefficients.
public final class MuonOptimizer implements Optimizer {
    /// The constants of Muon.
    ///
    /// @param momentum    decay of the momentum
    /// @param gamma       root-mean-square size of an update, before the rate
    /// @param weightDecay decoupled decay, multiplied by the rate
    public record Settings(double momentum, double gamma, double weightDecay) {}

    private record Coefficients(float a, float b, float c) {}

    private static final Coefficients CONVERGE = new Coefficients(3.4445f, -4.7750f, 2.0315f);
    private static final Coefficients SETTLE = new Coefficients(2f, -1.5f, 0.5f);
    private static final int CONVERGING = 8;
    private static final int SETTLING = 2;
    private static final long RUN_BYTES = 2 << 20;               // of matrices that are treated together: what the caches of two cores hold with all that is made of them

    private final Arena arena;
    private final Settings settings;
    private final List<Parameter> matrices;
    private final AdamWOptimizer others;
    private final Map<String, Tensor> momenta = new LinkedHashMap<>();

    /// An optimizer with moments of zero; `isHiddenMatrix` says by name which parameters Muon takes.
    public MuonOptimizer(Collection<Parameter> parameters, Predicate<String> isHiddenMatrix, Settings settings, AdamWOptimizer.Settings ofOthers) {
        this(parameters, isHiddenMatrix, settings, ofOthers, _ -> true, Arena.ofShared());
    }

    /// The same with its state in `arena`, which is closed with it; `decays` says by name which of AdamW's matrices decay.
    public MuonOptimizer(Collection<Parameter> parameters, Predicate<String> isHiddenMatrix, Settings settings, AdamWOptimizer.Settings ofOthers, Predicate<String> decays, Arena arena) {
        this.arena = arena;
        this.settings = settings;
        matrices = parameters.stream().filter(parameter -> isHiddenMatrix.test(parameter.name())).toList();
        others = new AdamWOptimizer(parameters.stream().filter(parameter -> !isHiddenMatrix.test(parameter.name())).toList(), ofOthers, decays, arena);
        for (Parameter parameter : matrices) {
            momenta.put("muon.momentum." + parameter.name(), Tensor.zeros(arena, DType.F32, parameter.shape()));
        }
    }

    @Override public void step(long step, double learningRate, Function<String, Tensor> means, float gradScale) {
        others.step(step, learningRate, means, gradScale);
        Scratch scratch = Compute.current().scratch();
        for (Parameter parameter : matrices) {
            Scratch.Mark before = scratch.mark();
            update(parameter.value(), momenta.get("muon.momentum." + parameter.name()), means.apply(parameter.name()), learningRate, gradScale);
            scratch.reset(before);
        }
    }

    private void update(Tensor value, Tensor momentum, Tensor gradient, double learningRate, float gradScale) {
        long rows = value.shape().axis(-2), columns = value.shape().last(), count = value.shape().size() / (rows * columns);
        Shape stack = Shape.of(count, rows, columns);
        long run = Math.clamp(RUN_BYTES / (4 * rows * columns), 1, count);
        Scratch scratch = Compute.current().scratch();
        for (long from = 0; from < count; from += run) {
            Scratch.Mark before = scratch.mark();
            long to = Math.min(count, from + run);
            updateRun(part(value, stack, from, to), part(momentum, stack, from, to), part(gradient, stack, from, to), learningRate, gradScale);
            scratch.reset(before);
        }
    }

    private static Tensor part(Tensor tensor, Shape stack, long from, long to) {
        return tensor.reshape(stack).slice(0, from, to);
    }

    private void updateRun(Tensor value, Tensor momentum, Tensor gradient, double learningRate, float gradScale) {
        float mu = (float) settings.momentum;
        replace(momentum, Compute.one(new Axpby(mu, gradScale), momentum, gradient));
        Tensor update = orthogonal(Compute.one(new Axpby(mu, gradScale), momentum, gradient));
        double larger = Math.max(value.shape().axis(1), value.shape().axis(2));
        float size = (float) (learningRate * settings.gamma * Math.sqrt(larger));
        float keep = (float) (1 - learningRate * settings.weightDecay);
        replace(value, Compute.one(new Axpby(-size, keep), update, value));
    }

    /// The orthogonal factors of a stack of matrices, by ten iterations of Newton–Schulz; takes and gives `[count, rows, columns]`. A matrix of zeros stays one.
    static Tensor orthogonal(Tensor stack) {
        Tensor x = Compute.current().scratch().allocate(stack.type());
        int count = (int) stack.shape().axis(0);
        var zero = new BitSet(count);
        for (int i = 0; i < count; i++) {
            float[] blocks = Compute.one(new SquareSums(), stack.at(i)).toFloats();
            float norm = (float) Math.sqrt(Sums.tree(blocks, blocks.length));
            zero.set(i, norm == 0);
            Compute.into(new Axpby(norm == 0 ? 0 : 1 / norm, 0), new Tensor[] {stack.at(i), stack.at(i)}, x.at(i));
        }
        boolean wide = stack.shape().axis(1) <= stack.shape().axis(2);
        for (int i = 0; i < CONVERGING + SETTLING; i++) {
            Coefficients by = i < CONVERGING ? CONVERGE : SETTLE;
            Tensor gram = Compute.one(wide ? new MatMul(false, true) : new MatMul(true, false), x, x);
            // the square as gram · gramᵀ: the same bits, since gram is symmetric to the bit, and backends may compute half of such a product
            Tensor polynomial = Compute.one(new Axpby(by.b, by.c), gram, Compute.one(new MatMul(false, true), gram, gram));
            Tensor product = wide ? Compute.one(new MatMul(false, false), polynomial, x) : Compute.one(new MatMul(false, false), x, polynomial);
            x = Compute.one(new Axpby(by.a, 1), x, product);
        }
        for (int i = zero.nextSetBit(0); i >= 0; i = zero.nextSetBit(i + 1)) {
            replace(x.at(i), stack.at(i));
        }
        return x;
    }

    private static void replace(Tensor target, Tensor source) {
        Compute.into(new Cast(DType.F32), new Tensor[] {source}, target);
    }

    @Override public Map<String, Tensor> state() {
        var all = new LinkedHashMap<>(others.state());
        all.putAll(momenta);
        return all;
    }

    @Override public void close() {
        arena.close();
    }
}
