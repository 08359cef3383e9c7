package dev.xiaolu.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Difference;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Three steps of Muon on a tall, a wide and a square matrix against the definition in fp64.
class MuonGoldenTest {
    private static final double TOLERANCE = 1e-5;

    @ParameterizedTest
    @ValueSource(strings = {"tall", "wide", "square"})
    void threeStepsFollowTheDefinition(String name) {
        Golden golden = Golden.open("muon");
        Map<String, Tensor> tensors = golden.tensors(name);
        JsonNode setting = golden.parameters(name);
        Parameter weight = new Parameter("w", tensors.get("w0"));
        float gradScale = 0.5f;
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch();
                var optimizer = new MuonOptimizer(List.of(weight), "w"::equals, new MuonOptimizer.Settings(setting.required("momentum").asDouble(),
                        setting.required("gamma").asDouble(), setting.required("weightDecay").asDouble()), new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1));
                var sums = new GradientSums(List.of(weight))) {
            Compute.call(backend, scratch, () -> {
                for (int step = 1; step <= 3; step++) {
                    sums.begin(1);
                    sums.accept(weight, scaled(tensors.get("grad" + step), 1 / gradScale));
                    sums.counted(1);
                    sums.finish();
                    optimizer.step(step, setting.required("learningRate").asDouble(), sums::mean, gradScale);
                    Tensor momentum = optimizer.state().values().iterator().next();
                    Difference.assertWithinOfLargest(TOLERANCE, "momentum" + step, tensors.get("momentum" + step), momentum);
                    Difference.assertWithinOfLargest(TOLERANCE, "w" + step, tensors.get("w" + step), weight.value());
                }
                Difference.assertWithinOfLargest(TOLERANCE, "update", tensors.get("update1"), MuonOptimizer.orthogonal(firstDirection(tensors, setting)).at(0));
                return null;
            });
        }
    }

    /// `(momentum + 1) · grad1`, what the first step makes orthogonal, as a stack of one.
    private static Tensor firstDirection(Map<String, Tensor> tensors, JsonNode setting) {
        return scaled(tensors.get("grad1"), (float) setting.required("momentum").asDouble() + 1);
    }

    /// `tensor · factor`, with an axis of one leaf in front.
    private static Tensor scaled(Tensor tensor, float factor) {
        Shape shape = tensor.shape().prepend(1);
        float[] values = tensor.toFloats();
        Tensor scaled = Tensor.of(Arena.ofAuto(), shape, values);
        MemorySegment data = scaled.data();
        for (int i = 0; i < values.length; i++) {
            data.setAtIndex(JAVA_FLOAT, i, values[i] * factor);
        }
        return scaled;
    }
}
