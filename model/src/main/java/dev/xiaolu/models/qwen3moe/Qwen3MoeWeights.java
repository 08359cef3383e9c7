package dev.xiaolu.models.qwen3moe;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.nn.SourceFiller;
import dev.xiaolu.op.Cast;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.Faults;
import dev.xiaolu.shape.DType;
import dev.xiaolu.store.ConfigJson;
import dev.xiaolu.store.ShardedSafetensors;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Models of the family in the Hugging Face layout: `config.json` beside `model.safetensors` or its shards.
///
/// Our names are the published ones; only the experts of a layer, published one by one, are one parameter each for `gate_proj`, `up_proj` and `down_proj`:
/// `model.layers.3.mlp.experts.up_proj.weight` is `[experts, out, in]`.
public final class Qwen3MoeWeights {
    /// The model type read here.
    public static final String MODEL_TYPE = "qwen3_moe";

    private Qwen3MoeWeights() {}

    /// The config of a folder, or of a `config.json`. Keys that would change the arithmetic in a way this family does not have are refused by name, and so is every key that is not known.
    public static Qwen3MoeConfig config(Path path) {
        ConfigJson json = ConfigJson.read(Disk.real(), path);
        Faults faults = json.faults();
        String type = json.text("model_type");
        faults.that(type.equals(MODEL_TYPE), "model_type is '%s', wanted '%s'", type, MODEL_TYPE);
        String activation = json.text("hidden_act", "silu");
        faults.that(activation.equals("silu"), "hidden_act is '%s', wanted 'silu'", activation);
        for (String flag : List.of("attention_bias", "use_sliding_window")) {
            faults.that(!json.flag(flag, false), "%s is true, wanted false: this family has none", flag);
        }
        faults.that(!json.has("quantization_config"), "quantization_config: quantised weights of this family are not read, wanted F32 or BF16");
        faults.that(json.texts("layer_types").stream().allMatch("full_attention"::equals), "layer_types holds other layers than full_attention");
        int hidden = json.integer("hidden_size");
        int heads = json.integer("num_attention_heads");
        faults.that(heads < 1 || json.has("head_dim") || hidden % heads == 0, "hidden_size is %d, wanted a multiple of num_attention_heads (%d) where head_dim is absent", hidden, heads);
        double theta = theta(json);
        json.harmless("architectures", "attention_dropout", "pad_token_id", "torch_dtype", "dtype", "transformers_version", "use_cache", "max_window_layers", "sliding_window", "_name_or_path",
                "output_router_logits");
        int experts = json.has("num_local_experts") ? json.integer("num_local_experts") : json.integer("num_experts");       // the first is what later versions of transformers write
        faults.that(json.integer("num_experts", experts) == experts, "num_experts and num_local_experts differ, wanted one number");
        int vocab = json.integer("vocab_size");
        int intermediate = json.integer("intermediate_size");
        int width = json.integer("moe_intermediate_size");
        int layers = json.integer("num_hidden_layers");
        int kvHeads = json.integer("num_key_value_heads", heads);
        int headDim = json.has("head_dim") ? json.integer("head_dim") : heads < 1 ? 1 : hidden / heads;
        int chosen = json.integer("num_experts_per_tok");
        boolean normalised = json.flag("norm_topk_prob", false);
        List<Integer> dense = json.integers("mlp_only_layers");
        int step = json.integer("decoder_sparse_step", 1);
        double balance = json.number("router_aux_loss_coef", 0.001);
        float epsilon = (float) json.number("rms_norm_eps", 1e-6);
        boolean tied = json.flag("tie_word_embeddings", false);
        int context = json.integer("max_position_embeddings", 32768);
        float std = (float) json.number("initializer_range", 0.02);
        List<Integer> bos = json.integers("bos_token_id");
        List<Integer> eos = json.integers("eos_token_id");
        json.refuseUnknown();
        json.throwIfAny();
        return json.make(() -> new Qwen3MoeConfig(vocab, hidden, intermediate, width, layers, heads, kvHeads, headDim, experts, chosen, normalised, dense, step, balance, epsilon, theta, tied, context, std, bos, eos));
    }

    /// The base of the rotation; a scaling of it is refused.
    private static double theta(ConfigJson json) {
        Optional<ConfigJson> parameters = json.object("rope_parameters");
        Optional<ConfigJson> scaling = json.object("rope_scaling");
        parameters.or(() -> scaling).ifPresent(inner -> {
            String type = inner.text("rope_type", inner.text("type", "default"));
            json.faults().that(type.equals("default"), "rope_scaling.rope_type is '%s', wanted 'default'; for contexts up to that of the training leave rope_scaling out", type);
        });
        scaling.ifPresent(inner -> inner.harmless("rope_theta"));
        double outer = json.number("rope_theta", 10_000);
        return parameters.map(inner -> inner.number("rope_theta", outer)).orElse(outer);
    }

    /// `config.json` of a model whose weights are written as `dtype`.
    public static byte[] configJson(Qwen3MoeConfig config, DType dtype) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("architectures", List.of("Qwen3MoeForCausalLM"));
        json.put("model_type", MODEL_TYPE);
        json.put("attention_bias", false);
        json.put("attention_dropout", 0.0);
        json.put("decoder_sparse_step", config.decoderSparseStep());
        json.put("head_dim", config.headDim());
        json.put("hidden_act", "silu");
        json.put("hidden_size", config.hiddenSize());
        json.put("initializer_range", Double.parseDouble(Float.toString(config.initStd())));
        json.put("intermediate_size", config.intermediateSize());
        json.put("max_position_embeddings", config.contextLength());
        json.put("mlp_only_layers", config.mlpOnlyLayers());
        json.put("moe_intermediate_size", config.moeIntermediateSize());
        json.put("norm_topk_prob", config.normTopkProb());
        json.put("num_attention_heads", config.numHeads());
        json.put("num_experts", config.numRoutedExperts());
        json.put("num_experts_per_tok", config.numExpertsPerToken());
        json.put("num_hidden_layers", config.numLayers());
        json.put("num_key_value_heads", config.numKvHeads());
        json.put("rms_norm_eps", Double.parseDouble(Float.toString(config.normEpsilon())));
        json.put("rope_theta", config.ropeTheta());
        json.put("router_aux_loss_coef", config.routerAuxLossCoef());
        json.put("tie_word_embeddings", config.tieWordEmbeddings());
        json.put("torch_dtype", dtype == DType.BF16 ? "bfloat16" : "float32");
        json.put("use_cache", true);
        json.put("use_sliding_window", false);
        json.put("vocab_size", config.vocabSize());
        if (!config.bosTokenIds().isEmpty()) {
            json.put("bos_token_id", config.bosTokenIds().getFirst());
        }
        if (!config.eosTokenIds().isEmpty()) {
            json.put("eos_token_id", config.eosTokenIds().size() == 1 ? config.eosTokenIds().getFirst() : config.eosTokenIds());
        }
        return ConfigJson.toBytes(json);
    }

    /// Reads a model, weights as F32 in `arena`; runs on the current [Compute]. Refuses missing, misshapen and foreign tensors by name; a tied head may be written out beside the embedding.
    public static Qwen3Moe load(Path folder, Arena arena) {
        Qwen3MoeConfig config = config(folder);
        try (TensorSource source = TensorSource.open(folder)) {
            var files = new SourceFiller(folder.toString(), source);
            Filler filler = (name, value, initial) -> RoutedExperts.oneByOne(name, value, (published, part) -> files.fill(published, part, initial));
            var model = new Qwen3Moe(config, arena, filler);
            files.refuseUnused(name -> name.equals("lm_head.weight") && config.tieWordEmbeddings());
            return model;
        }
    }

    /// The parameters by published name, as F32 themselves or rounded to BF16 into the scratch of the current [Compute].
    public static Map<String, Tensor> tensors(Parameters parameters, DType dtype) {
        var tensors = new LinkedHashMap<String, Tensor>();
        for (Parameter parameter : parameters.all()) {
            RoutedExperts.oneByOne(parameter.name(), dtype == DType.F32 ? parameter.value() : Compute.one(new Cast(dtype), parameter.value()), tensors::put);
        }
        return tensors;
    }

    /// Writes a model into `folder`, as F32 or BF16, in shards of at most `maxShardBytes`; runs on the current [Compute].
    public static void save(Disk disk, Path folder, Qwen3Moe model, DType dtype, long maxShardBytes) {
        disk.createDirectories(folder);
        ShardedSafetensors.write(disk, folder, tensors(model.parameters(), dtype), Map.of("format", "pt"), maxShardBytes);
        disk.replace(folder.resolve("config.json"), configJson(model.config(), dtype));
    }
}
