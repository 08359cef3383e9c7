package dev.xiaolu.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MuonOptimizerTest {
    private static final AdamWOptimizer.Settings ADAMW = new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1);

    /// The experts of a layer are one parameter of three axes and as many matrices; large ones need several runs. The second matrix has no gradient.
    @ParameterizedTest
    @CsvSource({"3, 4, 6, 1", "4, 33, 20, 2", "5, 420, 500, 2", "2, 1200, 700, 1"})
    void aStackOfMatricesMovesAsEachWouldAlone(int count, int rows, int columns, int threads) {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", threads); Scratch scratch = new Scratch()) {
            Compute.call(backend, scratch, () -> {
                var in = new Inputs(arena, 5);
                Tensor stack = in.normal(count, rows, columns);
                Tensor gradient = in.normal(1, count, rows, columns);
                gradient.at(0).at(1).data().asSlice(0, 4L * rows * columns).fill((byte) 0);
                List<float[]> apart = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    Tensor alone = Tensor.of(arena, Shape.of(rows, columns), stack.at(i).toFloats());
                    step(new Parameter("w", alone), Tensor.of(arena, Shape.of(1, rows, columns), gradient.at(0).at(i).toFloats()));
                    apart.add(alone.toFloats());
                }
                step(new Parameter("w", stack), gradient);
                for (int i = 0; i < count; i++) {
                    assertArrayEquals(apart.get(i), stack.at(i).toFloats());
                }
                return null;
            });
        }
    }

    private static void step(Parameter parameter, Tensor gradient) {
        var parameters = List.of(parameter);
        try (var optimizer = new MuonOptimizer(parameters, _ -> true, new MuonOptimizer.Settings(0.95, 0.2, 0.5), ADAMW); var sums = new GradientSums(parameters)) {
            sums.begin(1);
            sums.accept(parameter, gradient);
            sums.counted(1);
            sums.finish();
            optimizer.step(1, 0.1, sums::mean, 1);
        }
    }

    @Test void aGradientOfZerosOnlyDecays() {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch()) {
            Tensor weight = Tensor.of(arena, Shape.of(2, 2), 1f, -2f, 3f, 4f);
            var parameters = List.of(new Parameter("w", weight));
            Compute.call(backend, scratch, () -> {
                try (var optimizer = new MuonOptimizer(parameters, _ -> true, new MuonOptimizer.Settings(0.95, 0.2, 0.5), ADAMW); var sums = new GradientSums(parameters)) {
                    sums.begin(1);
                    sums.counted(1);
                    assertEquals(0, sums.finish());
                    optimizer.step(1, 0.5, sums::mean, 1);
                    assertEquals(0.75f, weight.getFloat(0, 0));
                    assertTrue(Float.isFinite(weight.getFloat(1, 1)));
                }
                return null;
            });
        }
    }
}
