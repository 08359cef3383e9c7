package dev.xiaolu.train;

import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Optimizer;

/// The optimizer that a config names.
final class Optimizers {
    private Optimizers() {}

    /// A new optimizer for what `training` changes by its gradient; the caller closes it.
    static Optimizer of(RunConfig.Optim optim, Training training) {
        var adamW = new AdamWOptimizer.Settings(optim.beta1(), optim.beta2(), optim.epsilon(), optim.weightDecay());
        return switch (optim.name()) {
            case ADAMW -> new AdamWOptimizer(training.trained(), adamW);
            case MUON -> new MuonOptimizer(training.trained(), training.model()::isHiddenMatrix, new MuonOptimizer.Settings(optim.muonMomentum(), optim.muonGamma(), optim.weightDecay()), adamW);
        };
    }
}
