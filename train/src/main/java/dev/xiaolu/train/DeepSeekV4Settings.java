package dev.xiaolu.train;

import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.platform.Faults;
import java.util.List;

/// The settings that only DeepSeek-V4 has, beside those of [RunConfig.Model]: section `deepseek4`.
public record DeepSeekV4Settings(
        @Setting(value = "each layer: 0 window, 4 also chosen entries, else all", standard = "[0, 4, 16, 4]") List<Integer> compressRatios,
        @Setting(value = "tokens that every layer sees uncompressed", standard = "64") int slidingWindow,
        @Setting(value = "rotated channels of a head, the last ones", standard = "16") int qkRopeHeadDim,
        @Setting(value = "rank of the queries", standard = "64") int qLoraRank,
        @Setting(value = "groups of heads with an output projection of their own", standard = "2") int oGroups,
        @Setting(value = "rank of a group's output", standard = "64") int oLoraRank,
        @Setting(value = "heads of the indexer", standard = "8") int indexNHeads,
        @Setting(value = "size of a head of the indexer", standard = "32") int indexHeadDim,
        @Setting(value = "entries that the indexer chooses", standard = "16") int indexTopk,
        @Setting(value = "base of the rotary frequencies in layers with entries", standard = "160000") double compressRopeTheta,
        @Setting(value = "stretches rotations in layers with entries (YaRN); 1: no", standard = "1") double yarnFactor,
        @Setting(value = "context length before the stretching", standard = "512") int yarnOriginalLength,
        @Setting(value = "experts of a layer that tokens are sent to", standard = "16") int numRoutedExperts,
        @Setting(value = "experts that a token is sent to, beside the shared one", standard = "2") int numExpertsPerToken,
        @Setting(value = "inner size of an expert", standard = "128") int moeIntermediateSize,
        @Setting(value = "factor on what the chosen experts give", standard = "1.5") double routedScalingFactor,
        @Setting(value = "first layers whose experts are looked up by token", standard = "1") int numHashLayers,
        @Setting(value = "where SwiGLU is clamped", standard = "10") double swigluLimit,
        @Setting(value = "residual streams", standard = "4") int hcMult,
        @Setting(value = "iterations that make their mixing doubly stochastic", standard = "20") int hcSinkhornIters,
        @Setting(value = "epsilon of the streams' gates", standard = "1e-6") double hcEps,
        @Setting(value = "blocks that predict one token more: 0 or 1", standard = "1") int numNextnPredictLayers,
        @Setting(value = "step of the routers' biases towards an even load; 0: none", standard = "1e-3") double routerBiasSpeed,
        @Setting(value = "weight of the loss that evens out a sequence's experts", standard = "1e-4") double balanceWeight,
        @Setting(value = "weight of the loss on the token after the next", standard = "0.3") double mtpWeight,
        @Setting(value = "the same from where the learning rate decays", standard = "0.1") double mtpDecayWeight,
        @Setting(value = "weight of the loss that teaches the indexers", standard = "1") double indexerWeight,
        @Setting(value = "first steps in which attention sees all entries", standard = "100") long denseSteps,
        @Setting(value = "steps by which the choice of experts is older; 0: none", standard = "0") int routingLag,
        @Setting(value = "whether experts are rounded to FP4 in every product", standard = "false") boolean fp4Experts,
        @Setting(value = "whether the indexer's queries and keys are", standard = "false") boolean fp4Indexer) {
    public DeepSeekV4Settings {
        compressRatios = List.copyOf(compressRatios);
    }

    /// Notes everything that is impossible; each fault begins with its key.
    void check(Faults faults, RunConfig.Model model) {
        int headDim = model.sizeOfHead();
        faults.that(compressRatios.size() == model.numLayers(), "deepseek4.compress_ratios has %d entries, wanted model.num_layers (%d)", compressRatios.size(), model.numLayers())
                .that(compressRatios.stream().allMatch(ratio -> ratio >= 0), "deepseek4.compress_ratios is %s, wanted 0 or positive numbers", compressRatios)
                .positive("deepseek4.sliding_window", slidingWindow)
                .that(qkRopeHeadDim > 0 && qkRopeHeadDim % 2 == 0 && qkRopeHeadDim <= Math.max(2, headDim),
                        "deepseek4.qk_rope_head_dim is %d, wanted an even number from 2 to the size of a head (%d)", qkRopeHeadDim, headDim)
                .positive("deepseek4.q_lora_rank", qLoraRank)
                .that(oGroups > 0 && (model.numHeads() < 1 || model.numHeads() % oGroups == 0), "deepseek4.o_groups is %d, wanted a divisor of model.num_heads (%d)", oGroups, model.numHeads())
                .positive("deepseek4.o_lora_rank", oLoraRank)
                .positive("deepseek4.compress_rope_theta", compressRopeTheta)
                .that(yarnFactor >= 1, "deepseek4.yarn_factor is %s, wanted 1 (no stretching) or more", yarnFactor)
                .positive("deepseek4.yarn_original_length", yarnOriginalLength);
        if (compressRatios.contains(DeepSeekV4Config.SPARSE)) {
            faults.positive("deepseek4.index_n_heads", indexNHeads)
                    .that(indexHeadDim >= qkRopeHeadDim, "deepseek4.index_head_dim is %d, wanted at least deepseek4.qk_rope_head_dim (%d)", indexHeadDim, qkRopeHeadDim)
                    .positive("deepseek4.index_topk", indexTopk)
                    .that(!fp4Indexer || Integer.bitCount(indexHeadDim) == 1, "deepseek4.index_head_dim is %d, wanted a power of two with deepseek4.fp4_indexer", indexHeadDim);
        }
        faults.positive("deepseek4.num_routed_experts", numRoutedExperts)
                .that(numExpertsPerToken > 0 && numExpertsPerToken <= Math.max(1, numRoutedExperts),
                        "deepseek4.num_experts_per_token is %d, wanted 1 to deepseek4.num_routed_experts (%d)", numExpertsPerToken, numRoutedExperts)
                .positive("deepseek4.moe_intermediate_size", moeIntermediateSize)
                .positive("deepseek4.routed_scaling_factor", routedScalingFactor)
                .that(numHashLayers >= 0 && numHashLayers <= Math.max(0, model.numLayers()), "deepseek4.num_hash_layers is %d, wanted 0 to model.num_layers (%d)", numHashLayers, model.numLayers())
                .positive("deepseek4.swiglu_limit", swigluLimit)
                .positive("deepseek4.hc_mult", hcMult)
                .positive("deepseek4.hc_sinkhorn_iters", hcSinkhornIters)
                .positive("deepseek4.hc_eps", hcEps)
                .that(numNextnPredictLayers == 0 || numNextnPredictLayers == 1, "deepseek4.num_nextn_predict_layers is %d, wanted 0 or 1", numNextnPredictLayers)
                .that(routerBiasSpeed >= 0, "deepseek4.router_bias_speed is %s, wanted 0 (biases stand still) or more", routerBiasSpeed)
                .that(balanceWeight >= 0, "deepseek4.balance_weight is %s, wanted 0 (no such loss) or more", balanceWeight)
                .that(mtpWeight >= 0, "deepseek4.mtp_weight is %s, wanted 0 (no such loss) or more", mtpWeight)
                .that(mtpDecayWeight >= 0, "deepseek4.mtp_decay_weight is %s, wanted 0 or more", mtpDecayWeight)
                .that(indexerWeight >= 0, "deepseek4.indexer_weight is %s, wanted 0 (no such loss) or more", indexerWeight)
                .that(denseSteps >= 0, "deepseek4.dense_steps is %d, wanted 0 or more", denseSteps)
                .that(routingLag >= 0, "deepseek4.routing_lag is %d, wanted 0 (experts are chosen in the step itself) or more", routingLag);
    }
}
