package dev.xiaolu.optim;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.op.AdamW;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/// AdamW with decoupled decay and bias correction; parameters of one axis (gains of norms), and those that are excepted by name, form a group without decay.
/// Source: Loshchilov and Hutter 2017, arXiv:1711.05101.
public final class AdamWOptimizer implements Optimizer {
    /// The constants of AdamW.
    ///
    /// @param beta1       decay of the first moment
    /// @param beta2       decay of the second moment
    /// @param epsilon     added to the root of the second moment
    /// @param weightDecay decoupled decay of matrices, multiplied by the rate
    public record Settings(double beta1, double beta2, double epsilon, double weightDecay) {}

    private final Arena arena;
    private final List<Parameter> parameters;
    private final Settings settings;
    private final Predicate<String> decays;
    private final Map<String, Tensor> state = new LinkedHashMap<>();

    /// An optimizer with moments of zero.
    public AdamWOptimizer(Collection<Parameter> parameters, Settings settings) {
        this(parameters, settings, _ -> true, Arena.ofShared());
    }

    /// The same with its state in `arena`, which is closed with it; `decays` says by name which of the matrices decay.
    public AdamWOptimizer(Collection<Parameter> parameters, Settings settings, Predicate<String> decays, Arena arena) {
        this.arena = arena;
        this.parameters = List.copyOf(parameters);
        this.settings = settings;
        this.decays = decays;
        for (Parameter parameter : this.parameters) {
            state.put("adamw.m." + parameter.name(), Tensor.zeros(arena, DType.F32, parameter.shape()));
            state.put("adamw.v." + parameter.name(), Tensor.zeros(arena, DType.F32, parameter.shape()));
        }
    }

    @Override public void step(long step, double learningRate, Function<String, Tensor> means, float gradScale) {
        AdamW matrices = AdamW.at(step, learningRate, settings.beta1, settings.beta2, settings.epsilon, settings.weightDecay, gradScale);
        AdamW others = AdamW.at(step, learningRate, settings.beta1, settings.beta2, settings.epsilon, 0, gradScale);
        for (Parameter parameter : parameters) {
            Compute.run(parameter.shape().rank() > 1 && decays.test(parameter.name()) ? matrices : others, parameter.value(), means.apply(parameter.name()),
                    state.get("adamw.m." + parameter.name()), state.get("adamw.v." + parameter.name()));
        }
    }

    @Override public Map<String, Tensor> state() {
        return state;
    }

    @Override public void close() {
        arena.close();
    }
}
