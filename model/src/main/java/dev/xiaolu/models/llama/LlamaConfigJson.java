package dev.xiaolu.models.llama;

import dev.xiaolu.nn.RopeTable.Llama3Scaling;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.store.ConfigJson;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `config.json` of the family, read and written as Hugging Face has it: model types `llama` and `qwen3`.
///
/// Keys that would change the arithmetic in a way this family does not have (biases, other activations, sliding windows, other scalings of the rotation) are refused by name,
/// and so is every key that is not known.
final class LlamaConfigJson {
    /// The model types read here.
    static final List<String> MODEL_TYPES = List.of("llama", "qwen3");

    private LlamaConfigJson() {}

    static LlamaConfig read(ConfigJson json) {
        Faults faults = json.faults();
        String type = json.text("model_type");
        faults.that(MODEL_TYPES.contains(type), "model_type is '%s', wanted one of %s", type, MODEL_TYPES);
        boolean qwen = type.equals("qwen3");
        int hidden = json.integer("hidden_size");
        int heads = json.integer("num_attention_heads");
        String activation = json.text("hidden_act", "silu");
        faults.that(activation.equals("silu"), "hidden_act is '%s', wanted 'silu'", activation);
        for (String flag : List.of("attention_bias", "mlp_bias", "use_sliding_window")) {
            faults.that(!json.flag(flag, false), "%s is true, wanted false: this family has none", flag);
        }
        faults.that(!json.has("quantization_config"), "quantization_config: quantised weights of this family are not read, wanted F32 or BF16");
        faults.that(json.texts("layer_types").stream().allMatch("full_attention"::equals), "layer_types holds other layers than full_attention");
        faults.that(heads < 1 || json.has("head_dim") || hidden % heads == 0, "hidden_size is %d, wanted a multiple of num_attention_heads (%d) where head_dim is absent", hidden, heads);
        Optional<ConfigJson> parameters = json.object("rope_parameters");
        Optional<ConfigJson> scaling = json.object("rope_scaling");
        double theta = parameters.map(inner -> inner.number("rope_theta", 10_000)).orElseGet(() -> json.number("rope_theta", 10_000));
        json.harmless("architectures", "attention_dropout", "pad_token_id", "pretraining_tp", "torch_dtype", "dtype", "transformers_version", "use_cache", "max_window_layers",
                "sliding_window", "_name_or_path", "rope_theta");
        Optional<Llama3Scaling> stretched = parameters.or(() -> scaling).flatMap(inner -> scaling(inner, faults));
        boolean tied = json.flag("tie_word_embeddings", false);
        int headDim = json.has("head_dim") ? json.integer("head_dim") : heads < 1 ? 1 : hidden / heads;
        int vocab = json.integer("vocab_size");
        int intermediate = json.integer("intermediate_size");
        int layers = json.integer("num_hidden_layers");
        int kvHeads = json.integer("num_key_value_heads", heads);
        float epsilon = (float) json.number("rms_norm_eps", 1e-6);
        int context = json.integer("max_position_embeddings", 2048);
        float std = (float) json.number("initializer_range", 0.02);
        List<Integer> bos = json.integers("bos_token_id");
        List<Integer> eos = json.integers("eos_token_id");
        json.refuseUnknown();
        json.throwIfAny();
        return json.make(() -> new LlamaConfig(vocab, hidden, intermediate, layers, heads, kvHeads, headDim, epsilon, theta, stretched, tied, qwen, context, std, bos, eos));
    }

    private static Optional<Llama3Scaling> scaling(ConfigJson json, Faults faults) {
        String type = json.text("rope_type", json.text("type", "default"));
        json.harmless("rope_theta");
        if (type.equals("default")) {
            return Optional.empty();
        }
        faults.that(type.equals("llama3"), "rope_scaling.rope_type is '%s', wanted 'default' or 'llama3'", type);
        if (!type.equals("llama3")) {
            return Optional.empty();
        }
        return Optional.of(new Llama3Scaling(json.number("factor"), json.number("low_freq_factor"), json.number("high_freq_factor"),
                json.integer("original_max_position_embeddings")));
    }

    static byte[] write(LlamaConfig config, String dtype) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("architectures", List.of(config.qkNorm() ? "Qwen3ForCausalLM" : "LlamaForCausalLM"));
        json.put("model_type", config.qkNorm() ? "qwen3" : "llama");
        json.put("attention_bias", false);
        json.put("attention_dropout", 0.0);
        json.put("hidden_act", "silu");
        json.put("hidden_size", config.hiddenSize());
        json.put("head_dim", config.headDim());
        json.put("initializer_range", Double.parseDouble(Float.toString(config.initStd())));
        json.put("intermediate_size", config.intermediateSize());
        json.put("max_position_embeddings", config.contextLength());
        json.put("num_attention_heads", config.numHeads());
        json.put("num_hidden_layers", config.numLayers());
        json.put("num_key_value_heads", config.numKvHeads());
        json.put("rms_norm_eps", Double.parseDouble(Float.toString(config.normEpsilon())));
        json.put("rope_theta", config.ropeTheta());
        json.put("tie_word_embeddings", config.tieWordEmbeddings());
        json.put("torch_dtype", dtype);
        json.put("use_cache", true);
        json.put("vocab_size", config.vocabSize());
        if (!config.bosTokenIds().isEmpty()) {
            json.put("bos_token_id", config.bosTokenIds().getFirst());
        }
        if (!config.eosTokenIds().isEmpty()) {
            json.put("eos_token_id", config.eosTokenIds().size() == 1 ? config.eosTokenIds().getFirst() : config.eosTokenIds());
        }
        config.ropeScaling().ifPresent(scaling -> json.put("rope_scaling", Map.of("rope_type", "llama3", "factor", scaling.factor(), "low_freq_factor", scaling.lowFreqFactor(),
                "high_freq_factor", scaling.highFreqFactor(), "original_max_position_embeddings", scaling.originalMaxPositionEmbeddings())));
        return ConfigJson.toBytes(json);
    }
}
