package dev.xiaolu.train;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Optimizer;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.function.Predicate;

/// The optimizer that a config names.
public final class Optimizers {
    private Optimizers() {}

    /// A new optimizer for what `training` changes by its gradient; the caller closes it.
    static Optimizer of(RunConfig.Optim optim, Training training) {
        return of(optim, training.model()::isHiddenMatrix, training.trained(), Arena.ofShared());
    }

    /// A new optimizer for some parameters, with its state in `arena`, which is closed with it.
    ///
    /// @param isHiddenMatrix says by name which of them a matrix optimizer takes
    public static Optimizer of(RunConfig.Optim optim, Predicate<String> isHiddenMatrix, Collection<Parameter> parameters, Arena arena) {
        var adamW = new AdamWOptimizer.Settings(optim.beta1(), optim.beta2(), optim.epsilon(), optim.weightDecay());
        return switch (optim.name()) {
            case ADAMW -> new AdamWOptimizer(parameters, adamW, arena);
            case MUON -> new MuonOptimizer(parameters, isHiddenMatrix, new MuonOptimizer.Settings(optim.muonMomentum(), optim.muonGamma(), optim.weightDecay()), adamW, arena);
        };
    }
}
