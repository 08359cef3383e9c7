package dev.xiaolu.train;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Optimizer;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/// The optimizer that a config names.
public final class Optimizers {
    private Optimizers() {}

    /// A new optimizer for what `training` changes by its gradient; the caller closes it.
    static Optimizer of(RunConfig.Optim optim, Training training) {
        return of(optim, training.model(), name -> name, training.trained(), Arena.ofShared());
    }

    /// A new optimizer for some parameters, with its state in `arena`, which is closed with it.
    ///
    /// @param model knows which of them a matrix optimizer takes, and which do not decay
    /// @param whole gives the name of the model's parameter that one of these is, or is a part of
    public static Optimizer of(RunConfig.Optim optim, LanguageModel model, UnaryOperator<String> whole, Collection<Parameter> parameters, Arena arena) {
        Predicate<String> isHiddenMatrix = name -> model.isHiddenMatrix(whole.apply(name)), decays = name -> optim.decayEmbeddings() || !model.isEmbedding(whole.apply(name));
        var adamW = new AdamWOptimizer.Settings(optim.beta1(), optim.beta2(), optim.epsilon(), optim.weightDecay());
        return switch (optim.name()) {
            case ADAMW -> new AdamWOptimizer(parameters, adamW, decays, arena);
            case MUON -> new MuonOptimizer(parameters, isHiddenMatrix, new MuonOptimizer.Settings(optim.muonMomentum(), optim.muonGamma(), optim.weightDecay()), adamW, decays, arena);
        };
    }
}
