package dev.xiaolu.models.llama;

import dev.xiaolu.nn.GroupedQueryAttention;
import dev.xiaolu.nn.RopeTable.Llama3Scaling;
import dev.xiaolu.platform.Faults;
import java.util.List;
import java.util.Optional;

/// Sizes of a model of the Llama family, under the names of `config.json`.
///
/// @param qkNorm        whether queries and keys are normed by head, as in Qwen3
/// @param ropeScaling   Llama 3's stretching of frequencies, where the model has one
/// @param initStd       standard deviation of drawn weights
/// @param bosTokenIds   the token that opens a text, if any; at most one
/// @param eosTokenIds   tokens that end an answer
public record LlamaConfig(int vocabSize, int hiddenSize, int intermediateSize, int numLayers, int numHeads, int numKvHeads, int headDim, float normEpsilon,
        double ropeTheta, Optional<Llama3Scaling> ropeScaling, boolean tieWordEmbeddings, boolean qkNorm, int contextLength, float initStd,
        List<Integer> bosTokenIds, List<Integer> eosTokenIds) {
    public LlamaConfig {
        bosTokenIds = List.copyOf(bosTokenIds);
        eosTokenIds = List.copyOf(eosTokenIds);
        var faults = new Faults("config.json");
        faults.positive("vocab_size", vocabSize)
                .positive("hidden_size", hiddenSize)
                .positive("intermediate_size", intermediateSize)
                .positive("num_hidden_layers", numLayers)
                .positive("num_attention_heads", numHeads)
                .positive("num_key_value_heads", numKvHeads)
                .positive("head_dim", headDim)
                .that(headDim % 2 == 0, "head_dim is %d, wanted an even number", headDim)
                .that(numHeads < 1 || numKvHeads < 1 || numHeads % numKvHeads == 0,
                        "num_key_value_heads is %d, wanted a divisor of num_attention_heads (%d)", numKvHeads, numHeads)
                .positive("rms_norm_eps", normEpsilon)
                .positive("rope_theta", ropeTheta)
                .positive("max_position_embeddings", contextLength)
                .positive("initializer_range", initStd);
        ropeScaling.ifPresent(scaling -> faults.positive("rope_scaling.factor", scaling.factor())
                .positive("rope_scaling.low_freq_factor", scaling.lowFreqFactor())
                .that(scaling.highFreqFactor() > scaling.lowFreqFactor(), "rope_scaling.high_freq_factor is %s, wanted more than low_freq_factor (%s)",
                        scaling.highFreqFactor(), scaling.lowFreqFactor())
                .positive("rope_scaling.original_max_position_embeddings", scaling.originalMaxPositionEmbeddings()));
        faults.throwIfAny();
    }

    /// The sizes of a layer's attention.
    GroupedQueryAttention.Sizes attention() {
        return new GroupedQueryAttention.Sizes(hiddenSize, numHeads, numKvHeads, headDim, qkNorm, normEpsilon);
    }

    /// Number of parameters, the tied head counted once.
    public long parameterCount() {
        long layer = attention().parameterCount() + 3L * hiddenSize * intermediateSize + 2L * hiddenSize;
        return numLayers * layer + (long) vocabSize * hiddenSize * (tieWordEmbeddings ? 1 : 2) + hiddenSize;
    }
}
