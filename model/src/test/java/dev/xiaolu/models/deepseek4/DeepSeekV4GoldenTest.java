package dev.xiaolu.models.deepseek4;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Losses;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Difference;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The family against transformers, and its prediction block against an independent program, on random models that have every kind of layer.
class DeepSeekV4GoldenTest {
    private static final double LOGITS = 4e-5;
    private static final double STATES = 6e-5;
    private static final double GRADIENTS = 1e-4;

    private interface Check {
        void of(DeepSeekV4 model, Golden golden, Scratch scratch);
    }

    private static void withModel(String name, Check check) {
        Golden golden = Golden.open("deepseek4/" + name);
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.of(GoldenModel.of(golden, arena), golden, scratch);
                return null;
            });
        }
    }

    private static int[] ints(Tensor tensor) {
        return IntStream.range(0, (int) tensor.shape().size()).map(tensor::getInt).toArray();
    }

    private static Batch whole(Scratch scratch, int[]... sequences) {
        return Batch.of(scratch, sequences, new int[sequences.length][sequences[0].length], sequences[0].length);
    }

    /// Every length of the golden is a prefix of its one prompt, run here by itself.
    @ParameterizedTest
    @ValueSource(strings = {"tiny_a", "tiny_b"})
    void logitsAreThoseOfTransformersAtEveryLength(String name) {
        withModel(name, (model, golden, scratch) -> {
            int[] tokens = ints(golden.tensor("logits", "tokens.300"));
            Tensor wanted = golden.tensor("logits", "logits.300");
            for (var length : golden.json("golden.json").required("lengths")) {
                Scratch.Mark before = scratch.mark();
                int count = length.asInt();
                Tensor found = model.forward(whole(scratch, Arrays.copyOf(tokens, count)));
                Difference.assertWithin(LOGITS, "logits of " + count + " tokens", wanted.slice(0, 0, count), found.reshape(count, wanted.shape().last()));
                scratch.reset(before);
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny_a_clamped", "tiny_a_dense", "tiny_a_pro"})
    void logitsOfVariantsAreThoseOfTransformers(String name) {
        withModel(name, (model, golden, scratch) -> {
            Tensor wanted = golden.tensor("logits", "logits.130");
            Difference.assertWithin(LOGITS, name, wanted, model.forward(whole(scratch, ints(golden.tensor("logits", "tokens.130")))).reshape(wanted.shape()));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny_a", "tiny_b"})
    void streamsAfterEveryLayerAreThoseOfTransformers(String name) {
        withModel(name, (model, golden, scratch) -> {
            int[] rows = ints(golden.tensor("states", "rows"));
            List<Tensor> streams = new ArrayList<>();
            model.streams(whole(scratch, ints(golden.tensor("logits", "tokens.300"))), streams::add);
            assertEquals(model.config().numLayers(), streams.size());
            for (int layer = 0; layer < streams.size(); layer++) {
                Tensor wanted = golden.tensor("states", "layers." + layer);
                for (int i = 0; i < rows.length; i++) {
                    Difference.assertWithin(STATES, "streams after layer " + layer + " at " + rows[i], wanted.at(i), streams.get(layer).at(0).at(rows[i]));
                }
            }
        });
    }

    @Test void theTokenAfterTheNextIsPredictedAsAnIndependentProgramDoes() {
        withModel("tiny_a", (model, golden, scratch) -> {
            int[] tokens = ints(golden.tensor("mtp", "tokens.101"));
            Tensor wanted = golden.tensor("mtp", "logits.100");
            Tensor streams = model.streams(whole(scratch, Arrays.copyOf(tokens, 100)), _ -> {});
            Tensor found = model.predicted(streams, whole(scratch, Arrays.copyOfRange(tokens, 1, 101)));
            Difference.assertWithin(LOGITS, "logits of the token after the next", wanted, found.reshape(wanted.shape()));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny_a", "tiny_b"})
    void gradientsAreThoseOfPyTorch(String name) {
        withModel(name, (model, golden, scratch) -> {
            Map<String, Tensor> found = gradients(model, golden, scratch);
            Map<String, Tensor> recorded = golden.tensors("grads");
            assertEquals(recorded.get("loss").getFloat(), found.get("loss").getFloat(0), 2e-6f);
            recorded.forEach((tensor, wanted) -> {
                if (tensor.equals("embed.weight.rows")) {
                    Difference.assertRelativeOfNorms(GRADIENTS, tensor, wanted, found.get("embed.weight").slice(0, 0, wanted.shape().axis(0)));
                } else if (!tensor.equals("loss")) {
                    boolean cancels = tensor.endsWith("_scale") || tensor.endsWith("_base");     // large terms of both signs: rounding is all that differs
                    Difference.assertRelativeOfNorms(cancels ? 3e-4 : GRADIENTS, tensor, wanted, published(found, tensor));
                }
            });
            golden.json("gradient_norms.json").properties().forEach(entry -> {
                double norm = norm(published(found, entry.getKey()));
                double wanted = entry.getValue().asDouble();
                assertEquals(wanted, norm, 3e-4 * wanted + 1e-9, "norm of the gradient of " + entry.getKey());
            });
        });
    }

    /// The gradient of a published tensor: an expert's is a part of its layer's.
    private static Tensor published(Map<String, Tensor> found, String name) {
        var expert = java.util.regex.Pattern.compile("(.*\\.experts)\\.(\\d+)(\\.w\\d\\.weight)").matcher(name);
        if (expert.matches()) {
            return found.get(expert.group(1) + expert.group(3)).at(Integer.parseInt(expert.group(2)));
        }
        return found.get(name);
    }

    private static double norm(Tensor tensor) {
        double sum = 0;
        for (float value : tensor.toFloats()) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }

    private static Map<String, Tensor> gradients(DeepSeekV4 model, Golden golden, Scratch scratch) {
        var json = golden.json("batch.json");
        int[][] tokens = new int[json.size()][json.get(0).size()];
        for (int i = 0; i < tokens.length; i++) {
            for (int j = 0; j < tokens[i].length; j++) {
                tokens[i][j] = json.get(i).get(j).asInt();
            }
        }
        int length = tokens[0].length - 1;
        Map<String, Tensor> found = new HashMap<>();
        model.parameters().all().forEach(parameter -> found.put(parameter.name(), Tensor.zeros(Arena.ofAuto(), DType.F32, parameter.shape())));
        var tape = new Tape(model.parameters().all(), 1);
        Batch batch = Batch.of(scratch, tokens, new int[tokens.length][length], length);
        Tensor loss = Compute.recording(tape, () -> Losses.perLeaf(model.forward(batch), Batch.targets(scratch, tokens, length), 1));
        Tensor seed = scratch.allocate(new TensorType(DType.F32, Shape.of(1)));
        seed.setFloat(1, 0);
        tape.backward(loss, seed, (parameter, sums) -> found.get(parameter.name()).data().copyFrom(sums.at(0).data().asSlice(0, 4 * parameter.shape().size())));
        found.put("loss", loss);
        return found;
    }
}
