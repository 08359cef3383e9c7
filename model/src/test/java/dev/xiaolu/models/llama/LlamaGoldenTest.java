package dev.xiaolu.models.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.BatchGradients;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Difference;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Checkpoints in the published layout, read and run here and in transformers, must agree to the rounding of fp32.
class LlamaGoldenTest {
    /// Logits reach a magnitude of 4; the recorded ones are 3e-6 from the same model in fp64.
    private static final double LOGITS = 2e-5;
    private static final double GRADIENTS = 1e-5;

    private interface Check {
        void of(Llama model, Golden golden, Scratch scratch);
    }

    private static void withModel(String name, Check check) {
        Golden golden = Golden.open("llama/" + name);
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.of(LlamaWeights.load(golden.folder().resolve("model"), arena), golden, scratch);
                return null;
            });
        }
    }

    private static int[] ints(Tensor tensor) {
        int[] values = new int[(int) tensor.shape().size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = tensor.getInt(i);
        }
        return values;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3", "llama3_tied_bf16", "qwen3", "qwen3_tied"})
    void logitsAreThoseOfTransformers(String name) {
        withModel(name, (model, golden, scratch) -> {
            Map<String, Tensor> recorded = golden.tensors("logits");
            for (var length : golden.json("golden.json").required("lengths")) {
                Tensor wanted = recorded.get("logits." + length.asInt());
                Tensor found = model.forward(Batch.continuing(scratch, ints(recorded.get("tokens." + length.asInt())), 0));
                Difference.assertWithin(LOGITS, "logits of " + length.asInt() + " tokens", wanted, found.reshape(wanted.shape()));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3", "llama3_tied_bf16", "qwen3", "qwen3_tied"})
    void gradientsAreThoseOfPyTorch(String name) {
        withModel(name, (model, golden, scratch) -> {
            Map<String, Tensor> recorded = golden.tensors("grads");
            var json = golden.json("batch.json");
            int sequences = json.size();
            int[][] tokens = new int[sequences][json.get(0).size()];
            for (int i = 0; i < sequences; i++) {
                for (int j = 0; j < tokens[i].length; j++) {
                    tokens[i][j] = json.get(i).get(j).asInt();
                }
            }
            Map<String, Tensor> found = BatchGradients.of(model, tokens, Arena.ofAuto());
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
}
