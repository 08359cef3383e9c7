package dev.xiaolu.models.deepseek4;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4Config.CacheLayout;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights.Form;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.ConfigJson;
import dev.xiaolu.store.Json;
import dev.xiaolu.testkit.Golden;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeepSeekV4ConfigTest {
    private static String refusal(String json) {
        return assertThrows(InputException.class, () -> TinyV4.config(json)).getMessage();
    }

    @Test void parametersAreCountedAsThePublishedSizesAre() {
        DeepSeekV4Config flash = TinyV4.config(TinyV4.FLASH);
        DeepSeekV4Config pro = TinyV4.config(TinyV4.PRO);
        assertEquals(284_332_230_231L, flash.parameterCount());
        assertEquals(1_572_997_179_491L, pro.parameterCount());
        assertEquals(1_094_251, TinyV4.config(TinyV4.TINY).parameterCount());
        assertEquals(6.61, flash.predictionParameterCount() / 1e9, 0.005);
        assertEquals(25.84, pro.predictionParameterCount() / 1e9, 0.005);
        assertEquals(13.27, flash.activeParameterCount() / 1e9, 0.005);
        assertEquals(48.85, pro.activeParameterCount() / 1e9, 0.005);
    }

    @Test void cachesGrowByThePublishedBytes() {
        DeepSeekV4Config flash = TinyV4.config(TinyV4.FLASH);
        DeepSeekV4Config pro = TinyV4.config(TinyV4.PRO);
        assertEquals(3514.25, flash.cacheBytesPerToken(CacheLayout.FP8_FP4));
        assertEquals(3850.25, flash.cacheBytesPerToken(CacheLayout.FP8));
        assertEquals(6880, flash.cacheBytesPerToken(CacheLayout.BF16));
        assertEquals(5031, Math.floor(pro.cacheBytesPerToken(CacheLayout.FP8_FP4)));
        assertEquals(5511, Math.floor(pro.cacheBytesPerToken(CacheLayout.FP8)));
        assertEquals(9848, pro.cacheBytesPerToken(CacheLayout.BF16));
    }

    @Test void theFormOfTransformersSaysTheSame() {
        Golden golden = Golden.open("deepseek4_layout");
        DeepSeekV4Config published = DeepSeekV4Weights.config(golden.folder().resolve("native"));
        assertEquals(published, DeepSeekV4Weights.config(golden.folder().resolve("transformers")));
        assertEquals(published, DeepSeekV4Weights.config(golden.folder().resolve("saved")));
        assertEquals(golden.json("golden.json").path("parameters").asLong(), published.parameterCount());
    }

    @Test void impossibleSizesAreToldOfTheirFileAndEachOnce() {
        String json = TinyV4.TINY.replace("\"n_routed_experts\": 8", "\"n_routed_experts\": -1").replace("\"head_dim\": 32", "\"head_dim\": 0");
        String message = assertThrows(InputException.class, () -> DeepSeekV4ConfigJson.read(ConfigJson.of("tiny/config.json", Json.readObject("tiny/config.json", json.getBytes(StandardCharsets.UTF_8))))).getMessage();
        assertTrue(message.startsWith("tiny/config.json: 2 faults"), message);
        assertTrue(message.contains("n_routed_experts is -1, wanted a positive number") && message.contains("head_dim is 0, wanted a positive number"), message);
    }

    @Test void whatIsWrittenIsReadBackInEveryForm() {
        for (String json : new String[] {TinyV4.TINY, TinyV4.FLASH, TinyV4.PRO}) {
            DeepSeekV4Config config = TinyV4.config(json);
            for (Form form : Form.values()) {
                assertEquals(config, TinyV4.config(new String(DeepSeekV4Weights.configJson(config, form), StandardCharsets.UTF_8)), form.name());
            }
        }
    }

    @Test void severalHeavyRatesCannotBeSaidToTransformers() {
        DeepSeekV4Config config = TinyV4.config(TinyV4.TINY.replace("[0, 0, 4, 32, 4, 32,", "[0, 0, 4, 32, 4, 64,"));
        assertTrue(assertThrows(InputException.class, () -> DeepSeekV4Weights.configJson(config, Form.TRANSFORMERS_F32)).getMessage().contains("holds the rates [32, 64], wanted one"));
    }

    @Test void allFaultsAreToldAtOnce() {
        String message = refusal(TinyV4.TINY.replace("\"o_groups\": 2", "\"o_groups\": 3").replace("\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 9")
                .replace("\"num_hash_layers\": 3", "\"num_hash_layers\": 8").replace("[0, 0, 4, 32, 4, 32, 4, 0]", "[0, 0, 4, -1]").replace("\"index_head_dim\": 16", "\"index_head_dim\": 4")
                .replace("\"qk_rope_head_dim\": 8", "\"qk_rope_head_dim\": 7").replace("\"beta_slow\": 1", "\"beta_slow\": 40"));
        for (String fault : new String[] {"o_groups is 3, wanted a divisor of num_attention_heads (4)", "num_experts_per_tok is 9, wanted 1 to n_routed_experts (8)",
            "num_hash_layers is 8, wanted 0 to num_hidden_layers (7)", "compress_ratios has 4 entries", "compress_ratios holds -1", "qk_rope_head_dim is 7, wanted an even number",
            "index_head_dim is 4, wanted at least qk_rope_head_dim (7)", "rope_scaling.beta_fast is 32.0, wanted more than beta_slow (40.0)"}) {
            assertTrue(message.contains(fault), () -> fault + " in " + message);
        }
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {
        "\"model_type\": \"deepseek_v4\"|\"model_type\": \"deepseek_v41\"|model_type is 'deepseek_v41', wanted 'deepseek_v4'",
        "\"attention_bias\": false|\"attention_bias\": true|attention_bias is true",
        "\"scoring_func\": \"sqrtsoftplus\"|\"scoring_func\": \"sigmoid\"|scoring_func is 'sigmoid', wanted 'sqrtsoftplus'",
        "\"n_shared_experts\": 1|\"n_shared_experts\": 2|n_shared_experts is 2, wanted 1",
        "\"num_key_value_heads\": 1|\"num_key_value_heads\": 4|num_key_value_heads is 4, wanted 1",
        "\"norm_topk_prob\": true|\"norm_topk_prob\": false|norm_topk_prob is false",
        "[128, 128]|[32, 32]|weight_block_size is [32, 32], wanted [128, 128]",
        "\"type\": \"yarn\"|\"type\": \"linear\"|rope_scaling.rope_type is 'linear'",
        "32, 4, 0]|32, 4, 4]|compress_ratios ends with 4 for the block of num_nextn_predict_layers, wanted 0",
        "\"num_nextn_predict_layers\": 1|\"num_nextn_predict_layers\": 1, \"dspark_block_size\": 5|the key dspark_block_size is unknown",
        "\"compress_ratios\"|\"layer_types\": [\"moe\"], \"compress_ratios\"|compress_ratios and layer_types are both given"})
    void whatThisFamilyHasNotIsRefusedByName(String part, String instead, String told) {
        assertTrue(TinyV4.TINY.contains(part), part);
        String message = refusal(TinyV4.TINY.replace(part, instead));
        assertTrue(message.contains(told), message);
    }

    @Test void anotherModelIsNotHeldToTheKeysOfThisOne() {
        String message = refusal("{\"model_type\": \"deepseek_v41\", \"engram\": 1}");
        assertTrue(message.startsWith("config.json: model_type is 'deepseek_v41'") && !message.contains("missing"), message);
    }
}
