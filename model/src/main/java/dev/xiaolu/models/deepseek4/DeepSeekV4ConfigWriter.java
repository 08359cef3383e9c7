package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.models.deepseek4.DeepSeekV4ConfigJson.HASHED;
import static dev.xiaolu.models.deepseek4.DeepSeekV4ConfigJson.HEAVY;
import static dev.xiaolu.models.deepseek4.DeepSeekV4ConfigJson.LEARNED;
import static dev.xiaolu.models.deepseek4.DeepSeekV4ConfigJson.MODEL_TYPE;
import static dev.xiaolu.models.deepseek4.DeepSeekV4ConfigJson.SPARSE;
import static dev.xiaolu.models.deepseek4.DeepSeekV4ConfigJson.WINDOW;
import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.models.deepseek4.DeepSeekV4Config.Yarn;
import dev.xiaolu.store.ConfigJson;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// `config.json` of the family in its two forms, written; [DeepSeekV4ConfigJson] reads both back to the same config.
final class DeepSeekV4ConfigWriter {
    private DeepSeekV4ConfigWriter() {}

    /// The config as published beside native weights; `dtype` names the type of what is not quantised.
    static byte[] writeNative(DeepSeekV4Config config, String dtype, boolean quantised) {
        Map<String, Object> json = common(config, dtype);
        var ratios = new ArrayList<>(config.compressRatios());
        ratios.addAll(Collections.nCopies(config.numNextnPredictLayers(), 0));
        json.put("compress_ratios", ratios);
        json.put("num_hash_layers", config.numHashLayers());
        json.put("topk_method", "noaux_tc");
        config.ropeScaling().ifPresent(yarn -> json.put("rope_scaling", write(yarn, "type")));
        if (quantised) {
            json.put("expert_dtype", "fp4");
            json.put("quantization_config", Map.of("activation_scheme", "dynamic", "fmt", "e4m3", "quant_method", "fp8", "scale_fmt", "ue8m0", "weight_block_size", List.of(128, 128)));
        }
        return ConfigJson.toBytes(json);
    }

    /// The config as transformers has it, which knows one rate for all heavily compressed layers.
    static byte[] writeTransformers(DeepSeekV4Config config, String dtype) {
        Map<String, Object> json = common(config, dtype);
        int heavy = heavyRate(config);
        json.put("layer_types", config.compressRatios().stream().map(ratio -> ratio == 0 ? WINDOW : ratio == DeepSeekV4Config.SPARSE ? SPARSE : HEAVY).toList());
        json.put("compress_rates", Map.of(SPARSE, DeepSeekV4Config.SPARSE, HEAVY, heavy));
        var mlp = new ArrayList<>(Collections.nCopies(config.numHashLayers(), HASHED));
        mlp.addAll(Collections.nCopies(config.numLayers() - config.numHashLayers(), LEARNED));
        json.put("mlp_layer_types", mlp);
        double part = (double) config.qkRopeHeadDim() / config.headDim();
        json.put("partial_rotary_factor", part);
        Map<String, Object> compress = config.ropeScaling().map(yarn -> write(yarn, "rope_type")).orElseGet(() -> new LinkedHashMap<>(Map.of("rope_type", "default")));
        if (config.ropeScaling().isPresent()) {
            compress.put("attention_factor", 1.0);
        }
        compress.put("rope_theta", config.compressRopeTheta());
        compress.put("partial_rotary_factor", part);
        json.put("rope_parameters", Map.of("main", Map.of("rope_type", "default", "rope_theta", config.ropeTheta(), "partial_rotary_factor", part), "compress", compress));
        return ConfigJson.toBytes(json);
    }

    /// The one rate of heavily compressed layers, 128 where there are none; several rates cannot be said in transformers' form.
    private static int heavyRate(DeepSeekV4Config config) {
        List<Integer> rates = config.compressRatios().stream().filter(ratio -> ratio != 0 && ratio != DeepSeekV4Config.SPARSE).distinct().toList();
        checkInput(rates.size() <= 1, "config.json for transformers: compress_ratios holds the rates %s, wanted one beside 0 and %d", rates, DeepSeekV4Config.SPARSE);
        return rates.isEmpty() ? 128 : rates.getFirst();
    }

    private static Map<String, Object> write(Yarn yarn, String type) {
        var json = new LinkedHashMap<String, Object>();
        json.put(type, "yarn");
        json.put("factor", yarn.factor());
        json.put("original_max_position_embeddings", yarn.originalMaxPositionEmbeddings());
        json.put("beta_fast", yarn.betaFast());
        json.put("beta_slow", yarn.betaSlow());
        return json;
    }

    private static Map<String, Object> common(DeepSeekV4Config config, String dtype) {
        var json = new LinkedHashMap<String, Object>();
        json.put("architectures", List.of("DeepseekV4ForCausalLM"));
        json.put("model_type", MODEL_TYPE);
        json.put("attention_bias", false);
        json.put("attention_dropout", 0.0);
        json.put("compress_rope_theta", config.compressRopeTheta());
        json.put("hc_eps", decimal(config.hcEps()));
        json.put("hc_mult", config.hcMult());
        json.put("hc_sinkhorn_iters", config.hcSinkhornIters());
        json.put("head_dim", config.headDim());
        json.put("hidden_act", "silu");
        json.put("hidden_size", config.hiddenSize());
        json.put("index_head_dim", config.indexHeadDim());
        json.put("index_n_heads", config.indexNHeads());
        json.put("index_topk", config.indexTopk());
        json.put("initializer_range", decimal(config.initStd()));
        json.put("max_position_embeddings", config.contextLength());
        json.put("moe_intermediate_size", config.moeIntermediateSize());
        json.put("n_routed_experts", config.numRoutedExperts());
        json.put("n_shared_experts", 1);
        json.put("norm_topk_prob", true);
        json.put("num_attention_heads", config.numHeads());
        json.put("num_experts_per_tok", config.numExpertsPerToken());
        json.put("num_hidden_layers", config.numLayers());
        json.put("num_key_value_heads", 1);
        json.put("num_nextn_predict_layers", config.numNextnPredictLayers());
        json.put("o_groups", config.oGroups());
        json.put("o_lora_rank", config.oLoraRank());
        json.put("q_lora_rank", config.qLoraRank());
        json.put("qk_rope_head_dim", config.qkRopeHeadDim());
        json.put("rms_norm_eps", decimal(config.normEpsilon()));
        json.put("rope_theta", config.ropeTheta());
        json.put("routed_scaling_factor", decimal(config.routedScalingFactor()));
        json.put("scoring_func", "sqrtsoftplus");
        json.put("sliding_window", config.slidingWindow());
        json.put("swiglu_limit", decimal(config.swigluLimit()));
        json.put("tie_word_embeddings", false);
        json.put("torch_dtype", dtype);
        json.put("vocab_size", config.vocabSize());
        if (!config.bosTokenIds().isEmpty()) {
            json.put("bos_token_id", config.bosTokenIds().getFirst());
        }
        if (!config.eosTokenIds().isEmpty()) {
            json.put("eos_token_id", config.eosTokenIds().size() == 1 ? config.eosTokenIds().getFirst() : config.eosTokenIds());
        }
        return json;
    }

    /// The shortest decimal that gives back this float, so that 1e-6 is not written with the digits of its binary neighbour.
    private static double decimal(float value) {
        return Double.parseDouble(Float.toString(value));
    }
}
