package dev.xiaolu.models.qwen3moe;

import dev.xiaolu.nn.GroupedQueryAttention;
import dev.xiaolu.platform.Faults;
import java.util.List;
import java.util.stream.IntStream;

/// Sizes of a model of the Qwen3-MoE family, under the names of `config.json`.
///
/// @param intermediateSize    width of the feed-forward in layers without experts
/// @param moeIntermediateSize width of one expert
/// @param numRoutedExperts    experts of a layer, `num_experts` there
/// @param normTopkProb        whether the weights of a token's experts are normalised to a sum of 1
/// @param mlpOnlyLayers       layers that have no experts
/// @param decoderSparseStep   of the others, every so many-th has experts, counted from 1
/// @param routerAuxLossCoef   weight of the balance loss in training; no part of the forward pass
/// @param initStd             standard deviation of drawn weights
/// @param bosTokenIds         the token that opens a text, if any; at most one
/// @param eosTokenIds         tokens that end an answer
public record Qwen3MoeConfig(int vocabSize, int hiddenSize, int intermediateSize, int moeIntermediateSize, int numLayers, int numHeads, int numKvHeads, int headDim, int numRoutedExperts,
        int numExpertsPerToken, boolean normTopkProb, List<Integer> mlpOnlyLayers, int decoderSparseStep, double routerAuxLossCoef, float normEpsilon, double ropeTheta,
        boolean tieWordEmbeddings, int contextLength, float initStd, List<Integer> bosTokenIds, List<Integer> eosTokenIds) {
    public Qwen3MoeConfig {
        mlpOnlyLayers = List.copyOf(mlpOnlyLayers);
        bosTokenIds = List.copyOf(bosTokenIds);
        eosTokenIds = List.copyOf(eosTokenIds);
        var faults = new Faults("config.json");
        faults.positive("vocab_size", vocabSize)
                .positive("hidden_size", hiddenSize)
                .positive("intermediate_size", intermediateSize)
                .positive("moe_intermediate_size", moeIntermediateSize)
                .positive("num_hidden_layers", numLayers)
                .positive("num_attention_heads", numHeads)
                .positive("num_key_value_heads", numKvHeads)
                .positive("head_dim", headDim)
                .that(headDim % 2 == 0, "head_dim is %d, wanted an even number", headDim)
                .that(numHeads < 1 || numKvHeads < 1 || numHeads % numKvHeads == 0,
                        "num_key_value_heads is %d, wanted a divisor of num_attention_heads (%d)", numKvHeads, numHeads)
                .positive("num_experts", numRoutedExperts)
                .that(numExpertsPerToken >= 1 && numExpertsPerToken <= Math.max(1, numRoutedExperts),
                        "num_experts_per_tok is %d, wanted 1 to num_experts (%d)", numExpertsPerToken, numRoutedExperts)
                .positive("decoder_sparse_step", decoderSparseStep)
                .that(routerAuxLossCoef >= 0, "router_aux_loss_coef is %s, wanted 0 or more", routerAuxLossCoef)
                .positive("rms_norm_eps", normEpsilon)
                .positive("rope_theta", ropeTheta)
                .positive("max_position_embeddings", contextLength)
                .positive("initializer_range", initStd);
        for (int layer : mlpOnlyLayers) {
            faults.that(layer >= 0 && layer < numLayers, "mlp_only_layers holds %d, wanted 0 to below num_hidden_layers (%d)", layer, numLayers);
        }
        faults.throwIfAny();
    }

    /// Whether a layer has experts.
    public boolean isSparse(int layer) {
        return !mlpOnlyLayers.contains(layer) && (layer + 1) % decoderSparseStep == 0;
    }

    /// Number of layers that have experts.
    public int sparseLayers() {
        return (int) IntStream.range(0, numLayers).filter(this::isSparse).count();
    }

    /// The sizes of a layer's attention.
    GroupedQueryAttention.Sizes attention() {
        return new GroupedQueryAttention.Sizes(hiddenSize, numHeads, numKvHeads, headDim, true, normEpsilon);
    }

    /// Number of parameters, the tied head counted once.
    public long parameterCount() {
        return parameterCount(numRoutedExperts) + (tieWordEmbeddings ? 1L : 2L) * vocabSize * hiddenSize;
    }

    /// Number of parameters that one token meets: of the experts its own alone, the head, and not the embedding, of which one row is looked up.
    public long activeParameterCount() {
        return parameterCount(numExpertsPerToken) + (long) vocabSize * hiddenSize;
    }

    /// What lies between embedding and head, with so many experts in a layer.
    private long parameterCount(int experts) {
        long sparse = 3L * experts * hiddenSize * moeIntermediateSize + (long) numRoutedExperts * hiddenSize;
        long dense = 3L * hiddenSize * intermediateSize;
        return numLayers * (attention().parameterCount() + 2L * hiddenSize) + sparseLayers() * sparse + (numLayers - sparseLayers()) * dense + hiddenSize;
    }
}
