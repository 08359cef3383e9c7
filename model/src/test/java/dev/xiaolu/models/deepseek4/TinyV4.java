package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.store.ConfigJson;
import dev.xiaolu.store.Json;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/// Configs of the family and the parameters of a model without a forward pass.
final class TinyV4 {
    /// Seven layers of every kind, with a prediction block.
    static final String TINY = json("[0, 0, 4, 32, 4, 32, 4, 0]", 512, 64, 7, 4, 32, 8, 32, 2, 16, 16, 16, 16, 8, 8, 2, 64, 1.5, 64);
    /// Five narrow layers, two of which choose their experts, with a prediction block.
    static final String NARROW = json("[0, 4, 8, 4, 4, 0]", 512, 32, 5, 2, 16, 8, 16, 2, 16, 8, 16, 16, 4, 8, 2, 32, 1.5, 64).replace("1048576", "256");
    /// Three layers whose matrices are several blocks of FP8.
    static final String BLOCKS = json("[0, 4, 128, 0]", 1024, 256, 3, 4, 128, 64, 128, 2, 128, 32, 16, 128, 16, 8, 2, 128, 1.5, 256);
    static final String FLASH = json(ratios(0, 43), 129280, 4096, 43, 64, 512, 64, 1024, 8, 1024, 128, 64, 128, 512, 256, 6, 2048, 1.5, 65536);
    static final String PRO = json(ratios(128, 61), 129280, 7168, 61, 128, 512, 64, 1536, 16, 1024, 128, 64, 128, 1024, 384, 6, 3072, 2.5, 65536);

    private TinyV4() {}

    private static String ratios(int first, int layers) {
        var ratios = new StringBuilder("[");
        for (int layer = 0; layer < layers; layer++) {
            ratios.append(layer < 2 ? first : layer % 2 == 0 ? 4 : 128).append(", ");
        }
        return ratios + "0]";
    }

    private static String json(String ratios, int vocab, int hidden, int layers, int heads, int dim, int rope, int queryRank, int groups, int outputRank, int window, int indexHeads, int indexDim,
            int topk, int experts, int active, int width, double factor, int original) {
        return """
            {"architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4", "attention_bias": false, "attention_dropout": 0, "bos_token_id": 0, "eos_token_id": 1,
             "expert_dtype": "fp4", "hc_eps": 1e-6, "hc_mult": 4, "hc_sinkhorn_iters": 20, "head_dim": %d, "hidden_act": "silu", "hidden_size": %d, "index_head_dim": %d, "index_n_heads": %d,
             "index_topk": %d, "initializer_range": 0.02, "max_position_embeddings": 1048576, "moe_intermediate_size": %d, "n_routed_experts": %d, "n_shared_experts": 1, "norm_topk_prob": true,
             "num_attention_heads": %d, "num_experts_per_tok": %d, "num_hidden_layers": %d, "num_hash_layers": 3, "num_key_value_heads": 1, "num_nextn_predict_layers": 1, "o_groups": %d,
             "o_lora_rank": %d, "q_lora_rank": %d, "qk_rope_head_dim": %d,
             "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": [128, 128]}, "rms_norm_eps": 1e-6,
             "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": %d, "beta_fast": 32, "beta_slow": 1}, "rope_theta": 10000, "routed_scaling_factor": %s,
             "scoring_func": "sqrtsoftplus", "sliding_window": %d, "swiglu_limit": 10.0, "tie_word_embeddings": false, "topk_method": "noaux_tc", "torch_dtype": "bfloat16", "vocab_size": %d,
             "compress_rope_theta": 160000, "compress_ratios": %s}
            """.formatted(dim, hidden, indexDim, indexHeads, topk, width, experts, heads, active, layers, groups, outputRank, queryRank, rope, original, factor, window, vocab, ratios);
    }

    static DeepSeekV4Config config(String json) {
        return DeepSeekV4ConfigJson.read(ConfigJson.of("config.json", Json.readObject("config.json", json.getBytes(StandardCharsets.UTF_8))));
    }

    /// All parameters and tables of the config, with or without the prediction block, as a model would ask for them.
    static Parameters parameters(DeepSeekV4Config config, boolean predicts, Arena arena, Filler filler) {
        var parameters = new Parameters(arena, filler);
        Parameters.Scope root = parameters.scope("");
        for (DeepSeekV4Tensor tensor : DeepSeekV4Tensors.of(config)) {
            if (tensor.kind() == DeepSeekV4Tensor.Kind.TABLE) {
                root.table(tensor.name(), config.numRoutedExperts(), tensor.shape().toArray());
            } else if (predicts || !tensor.isPrediction()) {
                root.parameter(tensor.name(), new Filler.Normal(0.3f), tensor.shape().toArray());
            }
        }
        return parameters;
    }

    static void computing(Consumer<Arena> body) {
        computing(2, body);
    }

    static void computing(int threads, Consumer<Arena> body) {
        try (Backend backend = Backends.open("auto", threads); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                body.accept(arena);
                return null;
            });
        }
    }

    static Path write(Path folder, String json) {
        try {
            Files.writeString(Files.createDirectories(folder).resolve("config.json"), json);
            return folder;
        } catch (java.io.IOException failed) {
            throw new java.io.UncheckedIOException(failed);
        }
    }
}
