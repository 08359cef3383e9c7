package dev.xiaolu.models.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LlamaConfigTest {
    private static final String SOUND = """
            {"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
             "vocab_size": 50, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "transformers_version": "5.0"}
            """;

    @TempDir Path folder;

    private LlamaConfig read(String json) throws Exception {
        Files.writeString(folder.resolve("config.json"), json);
        return LlamaWeights.config(folder);
    }

    private String refusal(String json) {
        return assertThrows(InputException.class, () -> read(json)).getMessage();
    }

    @Test void missingKeysHaveThePublishedDefaults() throws Exception {
        LlamaConfig config = read(SOUND);
        assertEquals(8, config.headDim());
        assertEquals(10_000, config.ropeTheta());
        assertTrue(config.ropeScaling().isEmpty());
    }

    @Test void allFaultsAreToldAtOnce() {
        String message = refusal(SOUND.replace("\"hidden_size\": 32", "\"hidden_size\": -32").replace("\"vocab_size\": 50", "\"vocab_size\": \"many\""));
        assertTrue(message.contains("config.json"), message);
        assertTrue(message.contains("vocab_size is \"many\", wanted a whole number"), message);
        message = refusal(SOUND.replace("\"hidden_size\": 32", "\"hidden_size\": 0").replace("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"));
        assertTrue(message.contains("hidden_size is 0") && message.contains("num_key_value_heads is 3, wanted a divisor of num_attention_heads (4)"), message);
    }

    @Test void whatWouldChangeTheArithmeticIsRefusedByName() {
        assertTrue(refusal(SOUND.replace("{\"model_type\"", "{\"attention_bias\": true, \"model_type\"")).contains("attention_bias is true"));
        assertTrue(refusal(SOUND.replace("{\"model_type\"", "{\"hidden_act\": \"gelu\", \"model_type\"")).contains("hidden_act is 'gelu', wanted 'silu'"));
        assertTrue(refusal(SOUND.replace("{\"model_type\"", "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}, \"model_type\"")).contains("'linear'"));
        assertTrue(refusal(SOUND.replace("{\"model_type\"", "{\"frobnicate\": 1, \"model_type\"")).contains("frobnicate"));
        assertTrue(refusal(SOUND.replace("\"llama\"", "\"gpt_bigcode\"")).contains("model_type is 'gpt_bigcode', wanted one of [llama, qwen3]"));
        assertTrue(refusal(SOUND.substring(0, 60)).contains("not valid JSON"));
    }

    @Test void aMissingFileIsNamed() {
        assertTrue(assertThrows(InputException.class, () -> LlamaWeights.config(folder)).getMessage().contains("config.json"));
    }

    @Test void weightsThatDoNotFitTheConfigAreNamed() throws Exception {
        LlamaConfig config = read(SOUND);
        try (Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                LlamaWeights.save(Disk.real(), folder, new Llama(config, arena, new RandomFiller(RandomKey.ofSeed(1))), DType.F32, 1 << 30);
                assertTrue(onLoad(SOUND.replace("\"intermediate_size\": 48", "\"intermediate_size\": 40"), arena)
                        .contains("tensor model.layers.0.mlp.gate_proj.weight is [48, 32], wanted [40, 32]"));
                assertTrue(onLoad(SOUND.replace("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2"), arena).contains("model.layers.1.input_layernorm.weight is missing"));
                assertTrue(onLoad(SOUND.replace("\"llama\"", "\"qwen3\""), arena).contains("q_norm.weight is missing"));
                return null;
            });
        }
    }

    private String onLoad(String json, Arena arena) {
        return assertThrows(InputException.class, () -> {
            Files.writeString(folder.resolve("config.json"), json);
            LlamaWeights.load(folder, arena);
        }).getMessage();
    }
}
