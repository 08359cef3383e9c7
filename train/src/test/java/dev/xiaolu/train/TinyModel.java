package dev.xiaolu.train;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Recipe;
import dev.xiaolu.models.deepseek4.DeepSeekV4Training;
import dev.xiaolu.models.deepseek4.Rounding;
import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.MuonOptimizer;
import dev.xiaolu.optim.Optimizer;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

/// What a [TinyRun] trains, and by which optimizer.
enum TinyModel {
    /// Two layers, AdamW.
    LLAMA(40) {
        @Override Training training(Arena arena, Filler filler, long tokensOfStep) {
            var config = new LlamaConfig(VOCAB, 48, 80, 2, 3, 1, 16, 1e-5f, 10_000, Optional.empty(), false, true, 64, 0.05f, List.of(), List.of());
            return Training.plain(new Llama(config, arena, filler));
        }

        @Override Optimizer optimizer(Training training) {
            return new AdamWOptimizer(training.trained(), ADAM_W);
        }
    },
    /// The same, Muon.
    LLAMA_MUON(40) {
        @Override Training training(Arena arena, Filler filler, long tokensOfStep) {
            return LLAMA.training(arena, filler, tokensOfStep);
        }

        @Override Optimizer optimizer(Training training) {
            return muon(training);
        }
    },
    /// A layer of each kind and the prediction block, AdamW; every term of the loss, every option of the recipe, and within two steps all that changes between steps.
    DEEPSEEK4(16) {
        @Override Training training(Arena arena, Filler filler, long tokensOfStep) {
            var yarn = new DeepSeekV4Config.Yarn(4, 16, 32, 1);
            var config = new DeepSeekV4Config(VOCAB, 24, 3, 2, 12, 4, 8, 2, 8, 6, List.of(0, 4, 8), 2, 4, 2, 4, 2, 12, 1.5f, 1, 10, 4, 4, 1e-6f, 1e-6f, 10_000, 160_000,
                    Optional.of(yarn), 64, 1, 0.05f, List.of(), List.of());
            var recipe = new DeepSeekV4Recipe(1e-2f, 1e-3f, 0.3f, 0.1f, 2, 1, 1, 1);
            return new DeepSeekV4Training(new DeepSeekV4(config, new Rounding(true, true), arena, filler), recipe, tokensOfStep, arena);
        }

        @Override Optimizer optimizer(Training training) {
            return new AdamWOptimizer(training.trained(), ADAM_W);
        }
    };

    static final int VOCAB = 211;
    private static final AdamWOptimizer.Settings ADAM_W = new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1);

    private final int length;

    TinyModel(int length) {
        this.length = length;
    }

    /// Tokens of a sequence.
    int length() {
        return length;
    }

    /// A fresh model, its weights filled by `filler`, for steps of so many tokens; lives in `arena`.
    abstract Training training(Arena arena, Filler filler, long tokensOfStep);

    abstract Optimizer optimizer(Training training);

    private static Optimizer muon(Training training) {
        return new MuonOptimizer(training.trained(), training.model()::isHiddenMatrix, new MuonOptimizer.Settings(0.95, 0.18, 0.1), ADAM_W);
    }
}
