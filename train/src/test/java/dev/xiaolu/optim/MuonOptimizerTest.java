package dev.xiaolu.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

class MuonOptimizerTest {
    private static final AdamWOptimizer.Settings ADAMW = new AdamWOptimizer.Settings(0.9, 0.95, 1e-8, 0.1);

    @Test void aGradientOfZerosOnlyDecays() {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch()) {
            Tensor weight = Tensor.of(arena, Shape.of(2, 2), 1f, -2f, 3f, 4f);
            var parameters = List.of(new Parameter("w", weight));
            Compute.call(backend, scratch, () -> {
                try (var optimizer = new MuonOptimizer(parameters, _ -> true, new MuonOptimizer.Settings(0.95, 0.2, 0.5), ADAMW); var sums = new GradientSums(parameters, 1)) {
                    sums.clear();
                    sums.counted(1);
                    assertEquals(0, sums.finish());
                    optimizer.step(1, 0.5, sums, 1);
                    assertEquals(0.75f, weight.getFloat(0, 0));
                    assertTrue(Float.isFinite(weight.getFloat(1, 1)));
                }
                return null;
            });
        }
    }
}
