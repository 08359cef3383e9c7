package dev.xiaolu.train;

import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Optimizer;

/// The optimizer that a config names.
final class Optimizers {
    private Optimizers() {}

    /// A new optimizer for all parameters of `model`; the caller closes it.
    static Optimizer of(RunConfig.Optim optim, LanguageModel model) {
        var adamW = new AdamWOptimizer.Settings(optim.beta1(), optim.beta2(), optim.epsilon(), optim.weightDecay());
        return switch (optim.name()) {
            case ADAMW -> new AdamWOptimizer(model.parameters().all(), adamW);
            case MUON -> new MuonOptimizer(model.parameters().all(), model::isHiddenMatrix, new MuonOptimizer.Settings(optim.muonMomentum(), optim.muonGamma(), optim.weightDecay()), adamW);
        };
    }
}
