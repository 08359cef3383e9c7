package dev.xiaolu.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Gradients around what is rounded, and around what is detached.
class StraightThroughTest {
    private static final FakeQuantise ROUNDING = FakeQuantise.fp4Weights(70);

    @Test void aRoundedParameterHasTheGradientOfOneThatHoldsTheRoundedValuesForEachLeaf() {
        onTape((in, arena) -> {
            Tensor master = in.normal(5, 70);
            Tensor x = in.normal(4, 3, 70);
            Tensor rounded = Tensor.of(arena, master.shape(), Compute.one(ROUNDING, master).toFloats());
            assertFalse(Arrays.equals(master.toFloats(), rounded.toFloats()));
            for (int leaves : new int[] {1, 2}) {
                Map<String, float[]> straight = gradients(Map.of("w", master), leaves, arena, w -> twice(x, Compute.one(ROUNDING, w.get("w"))));
                Map<String, float[]> wanted = gradients(Map.of("w", rounded), leaves, arena, w -> twice(x, w.get("w")));
                assertArrayEquals(wanted.get("w"), straight.get("w"));
                assertEquals(leaves * 350, straight.get("w").length);
            }
        });
    }

    /// Both uses of the weight count, and its gradient comes once.
    private static Tensor twice(Tensor x, Tensor weight) {
        Tensor once = Compute.one(new MatMul(false, true), x, weight);
        return Compute.one(new Add(), once, Compute.one(new MatMul(false, true), Compute.one(new Add(), x, x), weight));
    }

    @Test void aParameterUsedRoundedAndAsItIsGetsBothGradientsAtOnce() {
        onTape((in, arena) -> {
            Tensor weight = in.normal(5, 70);
            Tensor x = in.normal(6, 70);
            Function<Map<String, Tensor>, Tensor> both = w -> Compute.one(new Add(), Compute.one(new MatMul(false, true), x, Compute.one(ROUNDING, w.get("w"))),
                    Compute.one(new MatMul(false, true), x, w.get("w")));
            float[] found = gradients(Map.of("w", weight), 1, arena, both).get("w");
            float[] once = gradients(Map.of("w", weight), 1, arena, w -> Compute.one(new MatMul(false, true), x, w.get("w"))).get("w");
            for (int i = 0; i < once.length; i++) {
                assertEquals(2 * once[i], found[i]);
            }
        });
    }

    @Test void aRoundedActivationPassesItsGradientOnUnchanged() {
        onTape((in, arena) -> {
            Tensor weight = in.normal(70, 6);
            Tensor x = in.normal(4, 6);
            float[] found = gradients(Map.of("w", weight), 1, arena, w -> Compute.one(ROUNDING, Compute.one(new MatMul(false, true), x, w.get("w")))).get("w");
            assertArrayEquals(gradients(Map.of("w", weight), 1, arena, w -> Compute.one(new MatMul(false, true), x, w.get("w"))).get("w"), found);
        });
    }

    @Test void whatIsDetachedIsAConstantAndStaysWhatItWas() {
        onTape((in, arena) -> {
            Tensor outer = in.normal(5, 7);
            Tensor inner = in.normal(5, 5);
            Tensor x = in.normal(3, 7);
            var all = Map.of("inner", inner, "outer", outer);
            Map<String, float[]> found = gradients(all, 1, arena, w -> {
                Tensor h = Compute.one(new MatMul(false, true), x, w.get("outer"));
                Tensor kept = Compute.detached(h);
                assertArrayEquals(h.toFloats(), kept.toFloats());
                return Compute.one(new MatMul(false, true), kept, w.get("inner"));
            });
            assertEquals(Map.of("inner", 25), found.entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().length)));
        });
    }

    @Test void whatRunsUnrecordedLeavesNothingOnTheTape() {
        onTape((in, arena) -> {
            Tensor weight = in.normal(5, 70);
            Tensor x = in.normal(3, 70);
            Map<String, float[]> found = gradients(Map.of("w", weight), 1, arena, w -> Compute.unrecorded(() -> Compute.one(new MatMul(false, true), x, w.get("w"))));
            assertTrue(found.isEmpty());
        });
    }

    private static Map<String, float[]> gradients(Map<String, Tensor> weights, int leaves, Arena arena, Function<Map<String, Tensor>, Tensor> forward) {
        var tape = new Tape(weights.entrySet().stream().map(entry -> new Parameter(entry.getKey(), entry.getValue())).toList(), leaves);
        Tensor y = Compute.recording(tape, () -> forward.apply(weights));
        Tensor seed = Tensor.zeros(arena, DType.F32, y.shape());
        for (long i = 0; i < y.shape().size(); i++) {
            seed.reshape(Shape.of(y.shape().size())).setFloat((float) Math.sin(i), i);
        }
        var found = new TreeMap<String, float[]>();
        tape.backward(y, seed, (parameter, gradient) -> assertEquals(null, found.put(parameter.name(), gradient.toFloats()), "each parameter once"));
        return found;
    }

    private static void onTape(BiConsumer<Inputs, Arena> body) {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch()) {
            Compute.call(backend, scratch, () -> {
                body.accept(new Inputs(arena, 7), arena);
                return null;
            });
        }
    }
}
