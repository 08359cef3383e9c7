package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.platform.Faults;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/// Sizes of a DeepSeek-V4 model, under the names of `config.json`.
///
/// @param compressRatios        for each layer: 0 attends to the sliding window alone, [#SPARSE] adds compressed entries chosen by the indexer, any other number adds all compressed entries
/// @param ropeScaling           the stretching of rotations in layers with a compressor, where the model has one
/// @param numHashLayers         layers from the first on whose experts are looked up by token
/// @param numNextnPredictLayers blocks that predict one token more, 0 or 1; their attention has the ratio 0
/// @param initStd               standard deviation of drawn weights
/// @param bosTokenIds           the token that opens a text, if any; at most one
/// @param eosTokenIds           tokens that end an answer
public record DeepSeekV4Config(int vocabSize, int hiddenSize, int numLayers, int numHeads, int headDim, int qkRopeHeadDim, int qLoraRank, int oGroups, int oLoraRank,
        int slidingWindow, List<Integer> compressRatios, int indexNHeads, int indexHeadDim, int indexTopk,
        int numRoutedExperts, int numExpertsPerToken, int moeIntermediateSize, float routedScalingFactor, int numHashLayers, float swigluLimit,
        int hcMult, int hcSinkhornIters, float hcEps, float normEpsilon, double ropeTheta, double compressRopeTheta, Optional<Yarn> ropeScaling,
        int contextLength, int numNextnPredictLayers, float initStd, List<Integer> bosTokenIds, List<Integer> eosTokenIds) {
    /// The ratio of layers with overlapping windows and an indexer.
    public static final int SPARSE = 4;

    /// YaRN's stretching of rotations: channels that turn more than `betaFast` times within the original context stay, those below `betaSlow` turns are slowed by `factor`. Source: Peng et al. 2023, arXiv:2309.00071.
    public record Yarn(double factor, int originalMaxPositionEmbeddings, double betaFast, double betaSlow) {}

    public DeepSeekV4Config {
        compressRatios = List.copyOf(compressRatios);
        bosTokenIds = List.copyOf(bosTokenIds);
        eosTokenIds = List.copyOf(eosTokenIds);
        var faults = new Faults("config.json");
        faults.positive("vocab_size", vocabSize)
                .positive("hidden_size", hiddenSize)
                .positive("num_hidden_layers", numLayers)
                .positive("num_attention_heads", numHeads)
                .positive("head_dim", headDim)
                .that(qkRopeHeadDim > 0 && (headDim < 1 || qkRopeHeadDim <= headDim) && qkRopeHeadDim % 2 == 0, "qk_rope_head_dim is %d, wanted an even number from 2 to head_dim (%d)", qkRopeHeadDim, headDim)
                .positive("q_lora_rank", qLoraRank)
                .that(oGroups > 0 && numHeads % oGroups == 0, "o_groups is %d, wanted a divisor of num_attention_heads (%d)", oGroups, numHeads)
                .positive("o_lora_rank", oLoraRank)
                .positive("sliding_window", slidingWindow)
                .that(compressRatios.size() == numLayers, "compress_ratios has %d entries for layers, wanted num_hidden_layers (%d), and one more for each of num_nextn_predict_layers or none",
                        compressRatios.size(), numLayers)
                .that(compressRatios.stream().allMatch(ratio -> ratio >= 0), "compress_ratios holds %s, wanted 0 or positive numbers", new TreeSet<>(compressRatios).stream().findFirst().orElse(0));
        if (compressRatios.contains(SPARSE)) {
            faults.positive("index_n_heads", indexNHeads)
                    .that(indexHeadDim >= qkRopeHeadDim, "index_head_dim is %d, wanted at least qk_rope_head_dim (%d)", indexHeadDim, qkRopeHeadDim)
                    .positive("index_topk", indexTopk);
        }
        faults.positive("n_routed_experts", numRoutedExperts)
                .that(numExpertsPerToken > 0 && (numRoutedExperts < 1 || numExpertsPerToken <= numRoutedExperts), "num_experts_per_tok is %d, wanted 1 to n_routed_experts (%d)", numExpertsPerToken, numRoutedExperts)
                .positive("moe_intermediate_size", moeIntermediateSize)
                .positive("routed_scaling_factor", routedScalingFactor)
                .that(numHashLayers >= 0 && numHashLayers <= numLayers, "num_hash_layers is %d, wanted 0 to num_hidden_layers (%d)", numHashLayers, numLayers)
                .positive("swiglu_limit", swigluLimit)
                .positive("hc_mult", hcMult)
                .positive("hc_sinkhorn_iters", hcSinkhornIters)
                .positive("hc_eps", hcEps)
                .positive("rms_norm_eps", normEpsilon)
                .positive("rope_theta", ropeTheta)
                .positive("compress_rope_theta", compressRopeTheta)
                .positive("max_position_embeddings", contextLength)
                .that(numNextnPredictLayers == 0 || numNextnPredictLayers == 1, "num_nextn_predict_layers is %d, wanted 0 or 1", numNextnPredictLayers)
                .positive("initializer_range", initStd);
        ropeScaling.ifPresent(yarn -> faults.positive("rope_scaling.factor", yarn.factor())
                .positive("rope_scaling.original_max_position_embeddings", yarn.originalMaxPositionEmbeddings())
                .positive("rope_scaling.beta_slow", yarn.betaSlow())
                .that(yarn.betaFast() > yarn.betaSlow(), "rope_scaling.beta_fast is %s, wanted more than beta_slow (%s)", yarn.betaFast(), yarn.betaSlow()));
        faults.throwIfAny();
    }

    /// The same model without the block that predicts one token more.
    public DeepSeekV4Config withoutPrediction() {
        return new DeepSeekV4Config(vocabSize, hiddenSize, numLayers, numHeads, headDim, qkRopeHeadDim, qLoraRank, oGroups, oLoraRank, slidingWindow, compressRatios, indexNHeads, indexHeadDim, indexTopk,
                numRoutedExperts, numExpertsPerToken, moeIntermediateSize, routedScalingFactor, numHashLayers, swigluLimit, hcMult, hcSinkhornIters, hcEps, normEpsilon, ropeTheta, compressRopeTheta,
                ropeScaling, contextLength, 0, initStd, bosTokenIds, eosTokenIds);
    }

    /// Number of parameters without the additional prediction block, the router's biases and the hash tables, which training sets otherwise: how the published sizes are counted.
    public long parameterCount() {
        return DeepSeekV4Tensors.of(this).stream().filter(tensor -> !tensor.isPrediction()).mapToLong(DeepSeekV4Tensor::parameters).sum();
    }

    /// That number, what it leaves out, and the number with it: the elements of every tensor.
    public ParameterCount count() {
        String without = (numNextnPredictLayers > 0 ? "MTP block, " : "") + "router biases and hash tables";
        return new ParameterCount(parameterCount(), without, DeepSeekV4Tensors.of(this).stream().mapToLong(tensor -> tensor.shape().size()).sum());
    }

    /// Number of parameters of the additional prediction block, counted likewise.
    public long predictionParameterCount() {
        return DeepSeekV4Tensors.of(this).stream().filter(DeepSeekV4Tensor::isPrediction).mapToLong(DeepSeekV4Tensor::parameters).sum();
    }

    /// Number of parameters of the additional prediction block that one token meets.
    long activePredictionParameterCount() {
        return predictionParameterCount() - 3L * numNextnPredictLayers * moeIntermediateSize * hiddenSize * (numRoutedExperts - numExpertsPerToken);
    }

    /// Number of parameters that one token meets: all but the embedding's table and the experts that it is not sent to.
    public long activeParameterCount() {
        long experts = 3L * numLayers * moeIntermediateSize * hiddenSize;
        return parameterCount() - (long) vocabSize * hiddenSize - experts * (numRoutedExperts - numExpertsPerToken);
    }

    /// How a cache keeps what attention looks back at.
    public enum CacheLayout {
        /// Entries in FP8 with scales for 64 channels and BF16 rotated channels, indexer keys in FP4.
        FP8_FP4,
        /// The same with indexer keys in FP8 and one F32 scale each.
        FP8,
        /// Everything in BF16.
        BF16
    }

    /// Bytes that the cache grows by with each token of context, all layers together; the window's entries, whose number is fixed, not counted.
    public double cacheBytesPerToken(CacheLayout layout) {
        int still = headDim - qkRopeHeadDim;
        long entry = layout == CacheLayout.BF16 ? 2L * headDim : still + 2L * qkRopeHeadDim + 8L * Math.ceilDiv(Math.ceilDiv(still, 64), 8);
        long key = switch (layout) {
            case FP8_FP4 -> Math.ceilDiv(indexHeadDim, 2) + Math.ceilDiv(indexHeadDim, 32);
            case FP8 -> indexHeadDim + 4;
            case BF16 -> 2L * indexHeadDim;
        };
        double bytes = 0;
        for (int ratio : compressRatios) {
            bytes += ratio == 0 ? 0 : (double) (entry + (ratio == SPARSE ? key : 0)) / ratio;
        }
        return bytes;
    }
}
