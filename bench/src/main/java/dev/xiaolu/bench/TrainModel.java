package dev.xiaolu.bench;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.models.llama.Llama;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.LanguageModel;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;

/// A model whose training steps are measured, and how a peer is told to build the same.
///
/// @param name      as the command line has it
/// @param sequences sequences of a step
/// @param length    tokens of a sequence
/// @param vocabSize tokens are drawn below this
/// @param create    builds it in an arena
/// @param script    the peer
/// @param arguments what tells the peer its sizes
/// @param setting   what both sides do, for the report
record TrainModel(String name, int sequences, int length, int vocabSize, BiFunction<Arena, Filler, LanguageModel> create, String script, List<String> arguments, String setting) {
    /// Untied, 6 layers of 384 with 6 heads, SwiGLU of 1024.
    static final LlamaConfig LLAMA = new LlamaConfig(8192, 384, 1024, 6, 6, 6, 64, 1e-5f, 10_000, Optional.empty(), false, false, 512, 0.02f, List.of(), List.of());
    /// Seven layers of every kind of attention and router; 8 experts, of which 2 serve a token.
    static final DeepSeekV4Config DEEPSEEK = new DeepSeekV4Config(1024, 256, 7, 4, 128, 64, 128, 2, 128, 32, List.of(0, 0, 4, 128, 4, 128, 4), 16, 128, 16, 8, 2, 128, 1.5f, 3, 10,
            4, 20, 1e-6f, 1e-6f, 10_000, 160_000, Optional.of(new DeepSeekV4Config.Yarn(16, 256, 32, 1)), 4096, 0, 0.02f, List.of(0), List.of(1));
    /// Names that [#named] knows.
    static final List<String> NAMES = List.of("llama-17m", "deepseek4-tiny-b");

    static TrainModel named(String name) {
        checkInput(NAMES.contains(name), "bench train: model '%s', wanted one of %s", name, String.join(", ", NAMES));
        return name.equals(NAMES.getFirst()) ? llama(LLAMA) : deepSeek(DEEPSEEK, 4, 512);
    }

    static TrainModel llama(LlamaConfig config) {
        int sequences = 8;
        var arguments = List.of("--vocab", Integer.toString(config.vocabSize()), "--hidden", Integer.toString(config.hiddenSize()), "--layers", Integer.toString(config.numLayers()),
                "--heads", Integer.toString(config.numHeads()), "--intermediate", Integer.toString(config.intermediateSize()),
                "--batch", Integer.toString(sequences), "--length", Integer.toString(config.contextLength()));
        return new TrainModel(NAMES.get(0), sequences, config.contextLength(), config.vocabSize(), (arena, filler) -> new Llama(config, arena, filler), "train_peer.py", arguments,
                "cross-entropy, clipping and AdamW on both sides");
    }

    /// The peer reads the config in the form that transformers has for it.
    static TrainModel deepSeek(DeepSeekV4Config config, int sequences, int length) {
        String json = new String(DeepSeekV4Weights.configJson(config, DeepSeekV4Weights.Form.TRANSFORMERS_F32), StandardCharsets.UTF_8);
        var arguments = List.of("--config", json, "--batch", Integer.toString(sequences), "--length", Integer.toString(length));
        return new TrainModel(NAMES.get(1), sequences, length, config.vocabSize(), (arena, filler) -> new DeepSeekV4(config, arena, filler), "deepseek4_peer.py", arguments,
                "cross-entropy alone, clipping and AdamW on both sides: no balance loss, no objective of the indexer, no second token predicted");
    }
}
