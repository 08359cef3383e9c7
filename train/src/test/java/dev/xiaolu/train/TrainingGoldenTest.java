package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.models.llama.LlamaWeights;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Training;
import dev.xiaolu.optim.AdamWOptimizer;
import dev.xiaolu.optim.Schedule;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.testkit.GoldenWeights;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Ten steps from recorded weights on recorded batches lose what PyTorch in fp32 loses.
class TrainingGoldenTest {
    private static final double LOSS = 3e-6;
    /// Where rounding can be all that differs between gradients that cancel, AdamW's full-size steps carry it on: the recorder saw 3e-6 between two of its own runs.
    private static final double ROUTED_LOSS = 1e-5;
    private static final double NORM = 2e-5;
    /// The gates of hyper-connections: sums of large terms of both signs, of which AdamW takes little but the sign.
    private static final double GATES = 3e-3;

    @ParameterizedTest
    @ValueSource(strings = {"llama/llama2", "llama/llama3", "llama/llama3_tied_bf16", "llama/qwen3", "llama/qwen3_tied", "deepseek4/tiny_a", "deepseek4/tiny_b"})
    void lossesNormsAndWeightsFollowPyTorch(String name) {
        Golden golden = Golden.open(name);
        JsonNode recorded = golden.json("training.json");
        Tensor batches = golden.tensor("batches", "batches");
        for (JsonNode run : recorded.required("runs")) {
            train(golden, recorded, run, batches);
        }
    }

    private static void train(Golden golden, JsonNode recorded, JsonNode run, Tensor batches) {
        JsonNode setting = recorded.required("optimizer");
        int steps = run.required("losses").size();
        double peak = run.required("learning_rates").valueStream().mapToDouble(JsonNode::asDouble).max().orElseThrow();
        Schedule schedule = run.required("schedule").asString().equals("constant") ? Schedule.constant(peak, 0)
                : Schedule.cosine(peak, peak / 10, recorded.required("warmup_steps").asInt(), steps);
        int sequences = (int) batches.shape().axis(1);
        int length = (int) batches.shape().axis(2) - 1;
        SequenceSource source = (step, index, _) -> {
            int[] tokens = new int[length + 1];
            for (int i = 0; i <= length; i++) {
                tokens[i] = batches.getInt(step - 1, index, i);
            }
            return new SequenceSource.Sequence(tokens, new int[length]);
        };
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                LanguageModel model = load(golden, arena);
                var adamW = new AdamWOptimizer.Settings(setting.required("beta1").asDouble(), setting.required("beta2").asDouble(),
                        setting.required("epsilon").asDouble(), setting.required("weight_decay").asDouble());
                try (var optimizer = new AdamWOptimizer(model.parameters().all(), adamW);
                        var training = new TrainStep(Training.plain(model), optimizer, schedule, setting.required("clip_norm").asDouble(), _ -> new StepPlan(sequences, 1, sequences, length))) {
                    for (int step = 1; step <= steps; step++) {
                        StepResult result = training.run(step, source);
                        String which = golden.folder().getFileName() + " " + run.required("schedule").asString() + " step " + step;
                        assertTrue(result.updated(), which);
                        assertClose(model instanceof DeepSeekV4 ? ROUTED_LOSS : LOSS, which + " loss", run.required("losses").get(step - 1).asDouble(), result.loss());
                        assertClose(NORM, which + " gradient norm", run.required("gradient_norms").get(step - 1).asDouble(), result.gradNorm());
                        assertEquals(run.required("learning_rates").get(step - 1).asDouble(), result.learningRate(), 1e-12, which + " learning rate");
                    }
                }
                Map<String, Tensor> weights = new LinkedHashMap<>();
                model.parameters().all().forEach(parameter -> weights.put(parameter.name(), parameter.value()));
                model.published(weights).forEach((parameter, value) -> assertClose(parameter.contains("hc_") ? GATES : NORM, parameter + " norm", run.required("parameter_norms").required(parameter).asDouble(), norm(value)));
                return null;
            });
        }
    }

    /// DeepSeek-V4's weights are not stored but generated, and the block that predicts one token more takes no part.
    private static LanguageModel load(Golden golden, Arena arena) {
        Path folder = golden.folder().resolve("model");
        if (!Files.exists(folder.resolve("shapes.json"))) {
            return LlamaWeights.load(folder, arena);
        }
        return new DeepSeekV4(DeepSeekV4Weights.config(folder).withoutPrediction(), arena, (name, value, initial) -> GoldenWeights.fill(name, value, initial instanceof Filler.Table(int ids) ? ids : 0));
    }

    private static double norm(Tensor tensor) {
        double squares = 0;
        for (float value : tensor.toFloats()) {
            squares += (double) value * value;
        }
        return Math.sqrt(squares);
    }

    private static void assertClose(double relative, String what, double wanted, double found) {
        assertEquals(wanted, found, relative * Math.abs(wanted), what);
    }
}
