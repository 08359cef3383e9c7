package dev.xiaolu.models.qwen3moe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.BatchGradients;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.Losses;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Difference;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The family against transformers, and the same bits whatever surrounds a token.
class Qwen3MoeTest {
    /// Logits reach a magnitude of 4; the recorded ones are 2e-6 from the same model in fp64, the recorded gradients 1.2e-6.
    private static final double LOGITS = 2e-5;
    private static final double GRADIENTS = 1e-5;
    private static final String PUBLISHED = """
            {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 151643, "decoder_sparse_step": 1, "eos_token_id": 151645, "head_dim": 128,
             "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 6144, "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [],
             "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": true, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
             "num_key_value_heads": 4, "output_router_logits": false, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001, "sliding_window": null,
             "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false, "vocab_size": 151936}
            """;

    @TempDir Path folder;

    private interface Check {
        void of(Qwen3Moe model, Golden golden, Scratch scratch);
    }

    private static void withModel(String name, Check check) {
        Golden golden = Golden.open("qwen3moe/" + name);
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.of(Qwen3MoeWeights.load(golden.folder().resolve("model"), arena), golden, scratch);
                return null;
            });
        }
    }

    private static int[] text(int length, int seed) {
        return new Random(seed).ints(length, 0, 211).toArray();
    }

    private static Batch whole(Scratch scratch, int[]... sequences) {
        return Batch.of(scratch, sequences, new int[sequences.length][sequences[0].length], sequences[0].length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"renormed", "as_they_are_bf16"})
    void logitsAreThoseOfTransformers(String name) {
        withModel(name, (model, golden, scratch) -> {
            Map<String, Tensor> recorded = golden.tensors("logits");
            for (var length : golden.json("golden.json").required("lengths")) {
                Tensor tokens = recorded.get("tokens." + length.asInt());
                Tensor wanted = recorded.get("logits." + length.asInt());
                Tensor found = model.forward(whole(scratch, IntStream.range(0, length.asInt()).map(tokens::getInt).toArray()));
                Difference.assertWithin(LOGITS, "logits of " + length.asInt() + " tokens", wanted, found.reshape(wanted.shape()));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"renormed", "as_they_are_bf16"})
    void gradientsAreThoseOfPyTorchUnderThePublishedNames(String name) {
        withModel(name, (model, golden, scratch) -> {
            var json = golden.json("batch.json");
            int[][] tokens = IntStream.range(0, json.size()).mapToObj(i -> IntStream.range(0, json.get(i).size()).map(j -> json.get(i).get(j).asInt()).toArray()).toArray(int[][]::new);
            Map<String, Tensor> recorded = golden.tensors("grads");
            Map<String, Tensor> found = model.published(BatchGradients.of(model, tokens, Arena.ofAuto()));
            assertEquals(recorded.keySet(), found.keySet());
            recorded.forEach((tensor, wanted) -> {
                if (tensor.equals("loss")) {
                    assertEquals(wanted.getFloat(), found.get(tensor).getFloat(), 2e-6f);
                } else {
                    Difference.assertRelativeOfNorms(GRADIENTS, tensor, wanted, found.get(tensor));
                }
            });
        });
    }

    /// Seed 1 decodes token by token across a leaf of keys, seed 2 takes all at once; the others draw their cuts.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void anyCutOfTheContextGivesTheBitsOfTheWhole(int seed) {
        withModel(seed % 2 == 0 ? "renormed" : "as_they_are_bf16", (model, golden, scratch) -> {
            int[] tokens = text(150, seed);
            float[] wanted = model.forward(whole(scratch, tokens)).toFloats();
            int vocab = model.vocabSize();
            var random = new Random(seed);
            try (ContextCache cache = model.newCache(tokens.length)) {
                for (int from = 0; from < tokens.length; ) {
                    int to = Math.min(tokens.length, from + (seed == 1 ? from == 0 ? 115 : 1 : seed == 2 ? tokens.length : 1 + random.nextInt(60)));
                    Scratch.Mark before = scratch.mark();
                    float[] found = model.forward(Batch.continuing(scratch, Arrays.copyOfRange(tokens, from, to), from), cache).toFloats();
                    assertArrayEquals(Arrays.copyOfRange(wanted, from * vocab, to * vocab), found, "tokens %d to %d, seed %d".formatted(from, to, seed));
                    scratch.reset(before);
                    from = to;
                }
                assertThrows(InputException.class, () -> model.forward(Batch.continuing(scratch, new int[] {1}, tokens.length), cache));
            }
        });
    }

    @Test void neighboursInABatchChangeNothing() {
        withModel("renormed", (model, golden, scratch) -> {
            int[] one = text(70, 11);
            int[] other = text(70, 12);
            Tensor both = model.forward(whole(scratch, one, other));
            assertArrayEquals(model.forward(whole(scratch, one)).toFloats(), both.at(0).toFloats());
            assertArrayEquals(model.forward(whole(scratch, other)).toFloats(), both.at(1).toFloats());
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"renormed", "as_they_are_bf16"})
    void eachLeafOfWorkHasTheGradientThatItHasAlone(String name) {
        withModel(name, (model, golden, scratch) -> {
            int[][] texts = {text(25, 31), text(25, 32)};
            TreeMap<String, float[]> together = gradients(model, scratch, texts);
            for (int leaf = 0; leaf < 2; leaf++) {
                int index = leaf;
                TreeMap<String, float[]> alone = gradients(model, scratch, texts[leaf]);
                assertEquals(model.parameters().names(), alone.keySet());
                together.forEach((parameter, all) -> assertArrayEquals(alone.get(parameter), Arrays.copyOfRange(all, index * all.length / 2, (index + 1) * all.length / 2), parameter));
            }
        });
    }

    /// The gradients of every leaf, a sequence each, by parameter.
    private static TreeMap<String, float[]> gradients(Qwen3Moe model, Scratch scratch, int[]... sequences) {
        int leaves = sequences.length;
        int length = sequences[0].length - 1;
        var found = new TreeMap<String, float[]>();
        var tape = new Tape(model.parameters().all(), leaves);
        Batch batch = Batch.of(scratch, sequences, new int[leaves][length], length);
        Tensor losses = Compute.recording(tape, () -> Losses.perLeaf(model.forward(batch), Batch.targets(scratch, sequences, length), leaves));
        Tensor ones = scratch.allocate(new TensorType(DType.F32, Shape.of(leaves)));
        IntStream.range(0, leaves).forEach(leaf -> ones.setFloat(1, leaf));
        tape.backward(losses, ones, (parameter, sums) -> found.put(parameter.name(), sums.toFloats()));
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"renormed", "as_they_are_bf16"})
    void modelsReadAndWrittenAreTheSameBytes(String name) {
        withModel(name, (model, golden, scratch) -> {
            Path original = golden.folder().resolve("model");
            Qwen3MoeWeights.save(Disk.real(), folder, model, name.endsWith("bf16") ? DType.BF16 : DType.F32, 100_000);
            assertEquals(model.config(), Qwen3MoeWeights.config(folder));
            assertEquals(model.config().parameterCount(), model.parameters().count());
            assertTrue(Files.exists(folder.resolve("model.safetensors.index.json")), "in shards");
            try (TensorSource wanted = TensorSource.open(original); TensorSource found = TensorSource.open(folder)) {
                assertEquals(new TreeMap<>(types(wanted)), new TreeMap<>(types(found)));
                for (String tensor : wanted.names()) {
                    assertArrayEquals(bytes(wanted.tensor(tensor)), bytes(found.tensor(tensor)), tensor);
                }
            }
        });
    }

    private static Map<String, TensorType> types(TensorSource source) {
        var types = new TreeMap<String, TensorType>();
        source.names().forEach(name -> types.put(name, source.type(name)));
        return types;
    }

    private static byte[] bytes(Tensor tensor) {
        return tensor.data().asSlice(0, tensor.type().bytes()).toArray(ValueLayout.JAVA_BYTE);
    }

    @Test void aMissingExpertAndOneTooManyAreNamed() throws Exception {
        Path original = Golden.open("qwen3moe/as_they_are_bf16").folder().resolve("model");
        Files.copy(original.resolve("model.safetensors"), folder.resolve("model.safetensors"));
        String json = Files.readString(original.resolve("config.json"));
        assertTrue(onLoad(json.replace("\"num_local_experts\": 8", "\"num_local_experts\": 9")).contains("model.layers.1.mlp.gate.weight is [8, 48], wanted [9, 48]"));
        assertTrue(onLoad(json.replace("\"mlp_only_layers\": []", "\"mlp_only_layers\": [1]")).contains("tensor model.layers.1.mlp.gate_proj.weight is missing"));
        assertTrue(onLoad(json.replace("\"decoder_sparse_step\": 2", "\"decoder_sparse_step\": 1")).contains("tensor model.layers.0.mlp.gate.weight is missing"));
        assertTrue(onLoad(json.replace("\"moe_intermediate_size\": 20", "\"moe_intermediate_size\": 24")).contains("model.layers.1.mlp.experts.0.gate_proj.weight is [20, 48], wanted [24, 48]"));
    }

    private String onLoad(String json) {
        return assertThrows(InputException.class, () -> {
            Files.writeString(folder.resolve("config.json"), json);
            try (Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
                Compute.call(backend, scratch, () -> Qwen3MoeWeights.load(folder, arena));
            }
        }).getMessage();
    }

    private Qwen3MoeConfig read(String json) throws Exception {
        Files.writeString(folder.resolve("config.json"), json);
        return Qwen3MoeWeights.config(folder);
    }

    private String refusal(String wanted, String instead) {
        return assertThrows(InputException.class, () -> read(PUBLISHED.replace(wanted, instead))).getMessage();
    }

    @Test void parametersAreCountedFromTheConfigAlone() throws Exception {
        Qwen3MoeConfig config = read(PUBLISHED);
        assertEquals(30_532_122_624L, config.parameterCount());
        assertEquals(3_041_867_776L, config.activeParameterCount());
        Files.write(folder.resolve("config.json"), Qwen3MoeWeights.configJson(config, DType.BF16));
        assertEquals(config, Qwen3MoeWeights.config(folder));
    }

    @Test void allFaultsOfAConfigAreToldAtOnce() {
        String message = refusal("\"num_experts_per_tok\": 8, \"num_hidden_layers\": 48", "\"num_experts_per_tok\": 129, \"num_hidden_layers\": 0");
        assertTrue(message.contains("num_experts_per_tok is 129, wanted 1 to num_experts (128)") && message.contains("num_hidden_layers is 0"), message);
        message = refusal("\"mlp_only_layers\": []", "\"mlp_only_layers\": [3, 48, -1]");
        assertTrue(message.contains("mlp_only_layers holds 48, wanted 0 to below num_hidden_layers (48)") && message.contains("holds -1"), message);
        message = refusal("\"hidden_act\": \"silu\", \"hidden_size\": 2048", "\"hidden_act\": \"gelu\", \"frobnicate\": 1");
        assertTrue(message.contains("hidden_act is 'gelu'") && message.contains("hidden_size is missing") && message.contains("frobnicate"), message);
    }

    @Test void whatWouldChangeTheArithmeticIsRefusedByName() {
        assertTrue(refusal("\"attention_bias\": false", "\"attention_bias\": true").contains("attention_bias is true"));
        assertTrue(refusal("\"use_sliding_window\": false", "\"use_sliding_window\": true").contains("use_sliding_window is true"));
        assertTrue(refusal("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}").contains("rope_scaling.rope_type is 'yarn', wanted 'default'"));
        assertTrue(refusal("\"vocab_size\"", "\"quantization_config\": {}, \"vocab_size\"").contains("quantised weights of this family are not read"));
        assertTrue(refusal("\"num_experts\": 128", "\"num_experts\": 128, \"num_local_experts\": 64").contains("num_experts and num_local_experts differ"));
        assertTrue(refusal("qwen3_moe", "qwen3_moe_next").contains("model_type is 'qwen3_moe_next', wanted 'qwen3_moe'"));
    }
}
