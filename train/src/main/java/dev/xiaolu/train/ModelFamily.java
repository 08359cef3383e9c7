package dev.xiaolu.train;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.nn.Training;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/// Makes the models of one family that a config describes; a new family is added here. Every method runs on the current [dev.xiaolu.tensor.Compute].
public interface ModelFamily {
    /// A model that a run trains.
    ///
    /// @param training   how it is trained
    /// @param weights    what a checkpoint holds, by published name: views of the parameters, and tables
    /// @param configJson the `config.json` that belongs to these weights
    /// @param endTokens  tokens that end a text
    record Made(Training training, Map<String, Tensor> weights, byte[] configJson, List<Integer> endTokens) {}

    /// A new model in `arena`.
    Made drawn(Arena arena, Filler filler);

    /// The model in `arena` that a checkpoint holds; refuses missing, misshapen and foreign tensors by name.
    ///
    /// @param subject opens its messages, for example `checkpoint step-40`
    Made restored(String subject, TensorSource source, Arena arena);

    /// How a new model's parameters start.
    static Filler start(RunConfig config) {
        return new RandomFiller(RandomKey.ofSeed(config.train().seed()).at("init"));
    }

    /// The family of a config, with the sizes that it gives.
    static ModelFamily of(RunConfig config, Tokenizer tokenizer) {
        return switch (config.model().family()) {
            case LLAMA -> new LlamaFamily(config.model(), tokenizer);
            case DEEPSEEK4 -> new DeepSeekV4Family(config.model(), config.deepseek4(), Schedules.decayFrom(config), StepPlans.of(config.train()).mostTokens(), tokenizer);
        };
    }

    /// Tokens known to the model: as many as the tokenizer has, or more.
    static int vocabSize(RunConfig.Model model, Tokenizer tokenizer) {
        int vocab = model.vocabSize() == 0 ? tokenizer.vocabSize() : model.vocabSize();
        if (vocab < tokenizer.vocabSize()) {
            throw InputException.of("model.vocab_size is %d, wanted at least the tokenizer's %d", vocab, tokenizer.vocabSize());
        }
        return vocab;
    }
}
