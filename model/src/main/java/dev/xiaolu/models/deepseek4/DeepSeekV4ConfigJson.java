package dev.xiaolu.models.deepseek4;

import dev.xiaolu.models.deepseek4.DeepSeekV4Config.Yarn;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.store.ConfigJson;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// `config.json` of the family in its two forms, read: as published beside the weights (`compress_ratios`), and as transformers writes it (`layer_types`, `compress_rates`, `rope_parameters`).
///
/// What would change the arithmetic in a way this family does not have is refused by name, and so is every key that is not known.
final class DeepSeekV4ConfigJson {
    static final String MODEL_TYPE = "deepseek_v4";

    static final String WINDOW = "sliding_attention";
    static final String SPARSE = "compressed_sparse_attention";
    static final String HEAVY = "heavily_compressed_attention";
    static final String HASHED = "hash_moe";
    static final String LEARNED = "moe";

    private static final List<String> INTEGERS = List.of("vocab_size", "hidden_size", "num_attention_heads", "head_dim", "q_lora_rank", "o_groups", "o_lora_rank", "sliding_window", "index_n_heads",
            "index_head_dim", "index_topk", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size", "hc_mult", "hc_sinkhorn_iters", "max_position_embeddings");
    private static final List<String> NUMBERS = List.of("routed_scaling_factor", "swiglu_limit", "hc_eps", "rms_norm_eps");

    /// Names of the published inference/config.json, and what they are called beside the weights.
    private static final Map<String, String> INFERENCE = new TreeMap<>(Map.ofEntries(Map.entry("dim", "hidden_size"), Map.entry("moe_inter_dim", "moe_intermediate_size"), Map.entry("n_layers", "num_hidden_layers"),
            Map.entry("n_hash_layers", "num_hash_layers"), Map.entry("n_heads", "num_attention_heads"), Map.entry("n_activated_experts", "num_experts_per_tok"), Map.entry("score_func", "scoring_func"),
            Map.entry("route_scale", "routed_scaling_factor"), Map.entry("rope_head_dim", "qk_rope_head_dim"), Map.entry("window_size", "sliding_window"),
            Map.entry("original_seq_len", "rope_scaling.original_max_position_embeddings"), Map.entry("rope_factor", "rope_scaling.factor")));

    private final ConfigJson json;
    private final Faults faults;
    private final int layers;

    private DeepSeekV4ConfigJson(ConfigJson json) {
        this.json = json;
        faults = json.faults();
        layers = json.integer("num_hidden_layers");
    }

    /// Whether this is the config that the published program for inference reads: a part of the sizes, under other names, and no `model_type`.
    static boolean isOfInference(ConfigJson json) {
        return !json.has("model_type") && json.has("n_hash_layers");
    }

    /// That file lacks sizes, such as the longest context, that stand beside the weights.
    private static void refuseInference(ConfigJson json) {
        List<String> found = INFERENCE.keySet().stream().filter(json::has).toList();
        json.faults().that(false, "%s are names of the published inference/config.json, wanted %s, and model_type '%s': give the config.json that is published beside the weights", String.join(", ", found),
                found.stream().map(INFERENCE::get).collect(Collectors.joining(", ")), MODEL_TYPE);
        json.throwIfAny();
    }

    static DeepSeekV4Config read(ConfigJson json) {
        if (isOfInference(json)) {
            refuseInference(json);
        }
        String type = json.text("model_type");
        if (!type.equals(MODEL_TYPE)) {                          // the keys of another model would only be a list of follow-up faults
            json.faults().that(false, "model_type is '%s', wanted '%s'; other models of DeepSeek, later ones too, are not this family", type, MODEL_TYPE);
            json.throwIfAny();
        }
        return new DeepSeekV4ConfigJson(json).read();
    }

    private DeepSeekV4Config read() {
        fixed();
        quantisation();
        json.harmless("architectures", "attention_dropout", "pad_token_id", "torch_dtype", "dtype", "expert_dtype", "transformers_version", "use_cache", "_name_or_path", "output_router_logits",
                "router_aux_loss_coef", "router_jitter_noise", "pretraining_tp");
        INTEGERS.forEach(json::integer);                         // asked for here, so that all that is wrong is known before any value is used
        NUMBERS.forEach(json::number);
        int nextn = json.integer("num_nextn_predict_layers", 0);
        List<Integer> ratios = ratios(nextn);
        int hashLayers = hashLayers();
        double theta = json.number("rope_theta", 10_000);
        double compressTheta = json.number("compress_rope_theta", 160_000);
        Optional<Yarn> yarn = rotation(theta, compressTheta);
        int rope = ropeHeadDim(json.integer("head_dim"));
        float std = (float) json.number("initializer_range", 0.02);
        List<Integer> bos = json.integers("bos_token_id");
        List<Integer> eos = json.integers("eos_token_id");
        json.refuseUnknown();
        json.throwIfAny();
        return json.make(() -> new DeepSeekV4Config(json.integer("vocab_size"), json.integer("hidden_size"), layers, json.integer("num_attention_heads"), json.integer("head_dim"), rope,
                json.integer("q_lora_rank"), json.integer("o_groups"), json.integer("o_lora_rank"), json.integer("sliding_window"), ratios,
                json.integer("index_n_heads"), json.integer("index_head_dim"), json.integer("index_topk"),
                json.integer("n_routed_experts"), json.integer("num_experts_per_tok"), json.integer("moe_intermediate_size"), number("routed_scaling_factor"), hashLayers, number("swiglu_limit"),
                json.integer("hc_mult"), json.integer("hc_sinkhorn_iters"), number("hc_eps"), number("rms_norm_eps"), theta, compressTheta, yarn,
                json.integer("max_position_embeddings"), nextn, std, bos, eos));
    }

    private float number(String key) {
        return (float) json.number(key);
    }

    /// Keys that have one value in this family.
    private void fixed() {
        for (String flag : List.of("attention_bias", "mlp_bias", "tie_word_embeddings")) {
            faults.that(!json.flag(flag, false), "%s is true, wanted false: this family has none", flag);
        }
        faults.that(json.flag("norm_topk_prob", true), "norm_topk_prob is false, wanted true");
        fixed("hidden_act", "silu");
        fixed("scoring_func", "sqrtsoftplus");
        fixed("topk_method", "noaux_tc");
        for (String key : List.of("num_key_value_heads", "n_shared_experts")) {
            int found = json.integer(key, 1);
            faults.that(found == 1, "%s is %d, wanted 1", key, found);
        }
    }

    private void fixed(String key, String wanted) {
        String found = json.text(key, wanted);
        faults.that(found.equals(wanted), "%s is '%s', wanted '%s'", key, found, wanted);
    }

    /// Which tensors are quantised is told by their own types; blocks of another size are another format.
    private void quantisation() {
        json.object("quantization_config").ifPresent(object -> {
            object.harmless("activation_scheme", "scale_fmt", "modules_to_not_convert", "dequantize");
            String method = object.text("quant_method", "fp8");
            faults.that(method.equals("fp8"), "quantization_config.quant_method is '%s', wanted 'fp8'", method);
            String format = object.text("fmt", "e4m3");
            faults.that(format.equals("e4m3"), "quantization_config.fmt is '%s', wanted 'e4m3'", format);
            List<Integer> block = object.integers("weight_block_size");
            faults.that(block.isEmpty() || block.equals(List.of(128, 128)), "quantization_config.weight_block_size is %s, wanted [128, 128]", block);
        });
    }

    private int ropeHeadDim(int headDim) {
        double part = json.number("partial_rotary_factor", 64.0 / 512);
        return json.has("qk_rope_head_dim") ? json.integer("qk_rope_head_dim") : (int) (headDim * part);
    }

    /// The ratio of each layer, from either form; the native list goes on with the blocks that predict one token more.
    private List<Integer> ratios(int nextn) {
        List<Integer> published = json.integers("compress_ratios");
        List<String> types = json.texts("layer_types");
        Map<String, Integer> rates = rates();
        faults.that(published.isEmpty() != types.isEmpty(), published.isEmpty() ? "compress_ratios is missing, wanted a number for each layer (or layer_types)"
                : "compress_ratios and layer_types are both given, wanted one of them");
        if (!types.isEmpty()) {
            faults.that(rates.containsKey(SPARSE) && rates.containsKey(HEAVY), "compress_rates is missing or lacks %s or %s", SPARSE, HEAVY);
            faults.that(rates.getOrDefault(SPARSE, 4) == DeepSeekV4Config.SPARSE, "compress_rates.%s is %s, wanted %d", SPARSE, rates.get(SPARSE), DeepSeekV4Config.SPARSE);
            faults.that(rates.getOrDefault(HEAVY, 128) > 0 && rates.getOrDefault(HEAVY, 128) != DeepSeekV4Config.SPARSE, "compress_rates.%s is %s, wanted a positive number other than %d",
                    HEAVY, rates.get(HEAVY), DeepSeekV4Config.SPARSE);
            types.stream().filter(type -> !rates.containsKey(type) && !type.equals(WINDOW)).distinct().forEach(type -> faults.that(false,
                    "layer_types holds '%s', wanted %s, %s or %s", type, WINDOW, SPARSE, HEAVY));
            faults.that(types.size() == layers, "layer_types has %d entries, wanted num_hidden_layers (%d)", types.size(), layers);
            return types.stream().map(type -> type.equals(WINDOW) ? 0 : rates.getOrDefault(type, 0)).toList();
        }
        if (layers > 0 && published.size() == layers + nextn) {
            published.subList(layers, published.size()).forEach(ratio -> faults.that(ratio == 0, "compress_ratios ends with %d for the block of num_nextn_predict_layers, wanted 0", ratio));
            return published.subList(0, layers);
        }
        return published;
    }

    private Map<String, Integer> rates() {
        var rates = new LinkedHashMap<String, Integer>();
        json.object("compress_rates").ifPresent(object -> {
            for (String type : List.of(SPARSE, HEAVY)) {
                if (object.has(type)) {
                    rates.put(type, object.integer(type));
                }
            }
            object.harmless(WINDOW);
        });
        return rates;
    }

    private int hashLayers() {
        List<String> types = json.texts("mlp_layer_types");
        if (types.isEmpty()) {
            return json.integer("num_hash_layers");
        }
        int hashed = (int) types.stream().takeWhile(HASHED::equals).count();
        faults.that(!json.has("num_hash_layers") || json.integer("num_hash_layers") == hashed, "num_hash_layers and mlp_layer_types disagree");
        faults.that(types.subList(hashed, types.size()).stream().allMatch(LEARNED::equals), "mlp_layer_types is not some '%s' followed by '%s' alone", HASHED, LEARNED);
        faults.that(types.size() == layers, "mlp_layer_types has %d entries, wanted num_hidden_layers (%d)", types.size(), layers);
        return hashed;
    }

    /// YaRN stretches only the layers with a compressor; transformers keeps the two rotations apart.
    private Optional<Yarn> rotation(double theta, double compressTheta) {
        Optional<ConfigJson> parameters = json.object("rope_parameters");
        Optional<ConfigJson> scaling = json.object("rope_scaling");
        faults.that(parameters.isEmpty() || scaling.isEmpty(), "rope_parameters and rope_scaling are both given, wanted one of them");
        if (parameters.isEmpty()) {
            return scaling.flatMap(object -> yarn("rope_scaling", object));
        }
        parameters.get().object("main").ifPresent(main -> {
            faults.that(main.text("rope_type", "default").equals("default"), "rope_parameters.main.rope_type is '%s', wanted 'default'", main.text("rope_type", ""));
            faults.that(main.number("rope_theta", theta) == theta, "rope_parameters.main.rope_theta is %s, but rope_theta is %s", main.number("rope_theta", theta), theta);
            main.harmless("partial_rotary_factor");
        });
        Optional<ConfigJson> compress = parameters.get().object("compress");
        compress.ifPresent(object -> faults.that(object.number("rope_theta", compressTheta) == compressTheta, "rope_parameters.compress.rope_theta is %s, but compress_rope_theta is %s",
                object.number("rope_theta", compressTheta), compressTheta));
        return compress.isPresent() ? yarn("rope_parameters.compress", compress.get()) : yarn("rope_parameters", parameters.get());
    }

    private Optional<Yarn> yarn(String name, ConfigJson object) {
        String type = object.text("rope_type", object.text("type", "default"));
        object.harmless("rope_theta", "partial_rotary_factor", "type");
        faults.that(type.equals("default") || type.equals("yarn"), "%s.rope_type is '%s', wanted 'default' or 'yarn'", name, type);
        double magnitude = object.number("attention_factor", 1);
        faults.that(magnitude == 1, "%s.attention_factor is %s, wanted 1: this family scales no rotation", name, magnitude);
        return !type.equals("yarn") ? Optional.empty() : Optional.of(new Yarn(object.number("factor"), object.integer("original_max_position_embeddings"),
                object.number("beta_fast", 32), object.number("beta_slow", 1)));
    }
}
