package dev.xiaolu.cli;

import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config.CacheLayout;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.models.llama.LlamaWeights;
import dev.xiaolu.models.qwen3moe.Qwen3MoeConfig;
import dev.xiaolu.models.qwen3moe.Qwen3MoeWeights;
import dev.xiaolu.nn.ParameterCount;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// What a `config.json` alone tells of a model: its family, sizes and counts.
final class ConfigFacts {
    private ConfigFacts() {}

    /// Adds the facts of a folder's config, or of a `config.json`; gives the table.
    static Table add(Path path, Table facts) {
        return switch (ModelFolder.Family.of(path)) {
            case DEEPSEEK_V4 -> addDeepSeekV4(DeepSeekV4Weights.config(path), facts);
            case LLAMA -> addLlama(LlamaWeights.config(path), facts);
            case QWEN3_MOE -> addQwen3Moe(Qwen3MoeWeights.config(path), facts);
        };
    }

    private static Table addLlama(LlamaConfig config, Table facts) {
        return facts.row("family", config.qkNorm() ? "llama with norms of queries and keys (Qwen3)" : "llama")
                .row("parameters", config.parameterCount())
                .row("hidden_size", config.hiddenSize()).row("num_hidden_layers", config.numLayers())
                .row("heads", "%d of %d, %d for keys and values".formatted(config.numHeads(), config.headDim(), config.numKvHeads()))
                .row("intermediate_size", config.intermediateSize()).row("vocab_size", config.vocabSize())
                .row("max_position_embeddings", config.contextLength()).row("tie_word_embeddings", config.tieWordEmbeddings());
    }

    private static Table addQwen3Moe(Qwen3MoeConfig config, Table facts) {
        return facts.row("family", "qwen3_moe")
                .row("parameters", config.parameterCount())
                .row("parameters active for a token", config.activeParameterCount())
                .row("hidden_size", config.hiddenSize()).row("num_hidden_layers", config.numLayers())
                .row("heads", "%d of %d, %d for keys and values".formatted(config.numHeads(), config.headDim(), config.numKvHeads()))
                .row("experts", "%d of %d for a token, of width %d, in %d layers".formatted(config.numExpertsPerToken(), config.numRoutedExperts(), config.moeIntermediateSize(), config.sparseLayers()))
                .row("vocab_size", config.vocabSize()).row("max_position_embeddings", config.contextLength()).row("tie_word_embeddings", config.tieWordEmbeddings());
    }

    private static Table addDeepSeekV4(DeepSeekV4Config config, Table facts) {
        ParameterCount count = config.count();
        facts.row("family", "deepseek_v4")
                .row("parameters without " + count.without(), count.counted())
                .row("parameters with them", count.all())
                .row("parameters active for a token", config.activeParameterCount());
        if (config.numNextnPredictLayers() > 0) {
            facts.row("parameters of the prediction block", config.predictionParameterCount());
        }
        return facts.row("cache bytes per token, FP8 with FP4 indexer", bytes(config, CacheLayout.FP8_FP4))
                .row("cache bytes per token, FP8", bytes(config, CacheLayout.FP8))
                .row("cache bytes per token, BF16", bytes(config, CacheLayout.BF16))
                .row("hidden_size", config.hiddenSize()).row("num_hidden_layers", config.numLayers())
                .row("compress_ratios", ratios(config.compressRatios()))
                .row("heads", "%d of %d, one for keys and values".formatted(config.numHeads(), config.headDim()))
                .row("experts", "%d of %d for a token, of width %d, and a shared one".formatted(config.numExpertsPerToken(), config.numRoutedExperts(), config.moeIntermediateSize()))
                .row("vocab_size", config.vocabSize()).row("max_position_embeddings", config.contextLength());
    }

    /// For example `2 layers with 0, 21 with 4, 20 with 128`.
    private static String ratios(List<Integer> ratios) {
        var layers = new TreeMap<Integer, Integer>();
        ratios.forEach(ratio -> layers.merge(ratio, 1, Integer::sum));
        String all = layers.entrySet().stream().map(entry -> entry.getValue() + " with " + entry.getKey()).collect(Collectors.joining(", "));
        return all.replaceFirst(" with", " layers with");
    }

    private static long bytes(DeepSeekV4Config config, CacheLayout layout) {
        return Math.round(config.cacheBytesPerToken(layout));
    }
}
