package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.testkit.Golden;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What `inspect` tells of a config without weights.
class ConfigFactsTest {
    @TempDir Path folder;

    private Path flash() throws Exception {
        String ratios = IntStream.range(0, 44).mapToObj(layer -> layer < 2 || layer == 43 ? "0" : layer % 2 == 0 ? "4" : "128").collect(Collectors.joining(", "));
        return Files.writeString(folder.resolve("config.json"), """
            {"model_type": "deepseek_v4", "hc_eps": 1e-6, "hc_mult": 4, "hc_sinkhorn_iters": 20, "head_dim": 512, "hidden_size": 4096, "index_head_dim": 128, "index_n_heads": 64, "index_topk": 512,
             "max_position_embeddings": 1048576, "moe_intermediate_size": 2048, "n_routed_experts": 256, "num_attention_heads": 64, "num_experts_per_tok": 6, "num_hidden_layers": 43,
             "num_hash_layers": 3, "num_nextn_predict_layers": 1, "o_groups": 8, "o_lora_rank": 1024, "q_lora_rank": 1024, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-6,
             "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 65536, "beta_fast": 32, "beta_slow": 1}, "routed_scaling_factor": 1.5, "sliding_window": 128,
             "swiglu_limit": 10.0, "vocab_size": 129280, "compress_ratios": [%s]}
            """.formatted(ratios));
    }

    @Test void parametersAndCacheBytesFollowFromTheConfigAlone() throws Exception {
        Path config = flash();
        for (Path path : new Path[] {config, folder}) {
            Run run = Run.of("inspect", path.toString());
            assertEquals(0, run.code(), run.err());
            for (String line : new String[] {"parameters without MTP block, router biases and hash tables +284,332,230,231", "parameters with them +290,9\\d\\d,\\d{3},\\d{3}", "parameters active for a token +13,27\\d,\\d{3},\\d{3}", "parameters of the prediction block +6,61\\d,\\d{3},\\d{3}",
                "cache bytes per token, FP8 with FP4 indexer +3,514", "cache bytes per token, FP8 +3,850", "cache bytes per token, BF16 +6,880", "compress_ratios +2 layers with 0, 21 with 4, 20 with 128"}) {
                assertTrue(run.out().lines().anyMatch(found -> found.matches(line)), () -> line + " in " + run.out());
            }
        }
    }

    @Test void weightsBesideTheConfigAreToldOfToo() {
        Run run = Run.of("inspect", Golden.open("deepseek4_layout").folder().resolve("native").toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().lines().anyMatch(line -> line.matches("parameters without router biases and hash tables +41,043")) && run.out().contains("elements of I64"), run.out());
    }

    @Test void aConfigHasNoDigest() throws Exception {
        Run run = Run.of("inspect", flash().toString(), "--digest");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("--digest and --tensors want weights"), run.err());
    }

    @Test void theConfigOfThePublishedInferenceIsRefusedByItsNames() throws Exception {
        Path config = Files.writeString(folder.resolve("config.json"), """
            {"vocab_size": 129280, "dim": 4096, "moe_inter_dim": 2048, "n_layers": 43, "n_hash_layers": 3, "n_heads": 64, "n_routed_experts": 256, "n_activated_experts": 6, "score_func": "sqrtsoftplus",
             "route_scale": 1.5, "swiglu_limit": 10.0, "q_lora_rank": 1024, "head_dim": 512, "rope_head_dim": 64, "o_groups": 8, "o_lora_rank": 1024, "window_size": 128, "original_seq_len": 65536,
             "rope_theta": 10000, "rope_factor": 16, "dtype": "fp8", "scale_fmt": "ue8m0", "expert_dtype": "fp4", "compress_ratios": [0, 0, 4]}
            """);
        Run run = Run.of("inspect", config.toString());
        assertEquals(1, run.code());
        for (String told : new String[] {"dim, moe_inter_dim, n_activated_experts", "published inference/config.json, wanted hidden_size, moe_intermediate_size, num_experts_per_tok",
            "rope_scaling.original_max_position_embeddings", "model_type 'deepseek_v4'", "the config.json that is published beside the weights"}) {
            assertTrue(run.err().contains(told), () -> told + " in " + run.err());
        }
        assertTrue(!run.err().contains("missing") && !run.err().contains("unknown"), run.err());
    }

    @Test void anUnknownTypeIsToldEveryKnownOne() throws Exception {
        Path config = flash();
        Files.writeString(config, Files.readString(config).replace("deepseek_v4", "mystery"));
        Run run = Run.of("inspect", config.toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("model_type is 'mystery', wanted one of deepseek_v4, llama, qwen3, qwen3_moe"), run.err());
    }

    @Test void laterModelsAreRefusedByName() throws Exception {
        Path config = flash();
        Files.writeString(config, Files.readString(config).replace("deepseek_v4", "deepseek_v41"));
        Run run = Run.of("inspect", config.toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("model_type is 'deepseek_v41', wanted 'deepseek_v4'"), run.err());
    }
}
