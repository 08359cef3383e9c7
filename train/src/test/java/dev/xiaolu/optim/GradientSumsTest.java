package dev.xiaolu.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GradientSumsTest {
    private interface Body {
        void run(Arena arena, Parameter parameter);
    }

    private static void with(long size, Body body) {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch()) {
            Compute.call(backend, scratch, () -> {
                body.run(arena, new Parameter("w", Tensor.zeros(arena, DType.F32, Shape.of(size))));
                return null;
            });
        }
    }

    @Test void theOrderOfLeavesCannotMatter() {
        long seed = 20261123;
        with(1000, (arena, parameter) -> {
            var in = new Inputs(arena, seed);
            List<Tensor> leaves = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                leaves.add(in.normal(1, 1000));
            }
            float[] wanted = null;
            double norm = 0;
            for (int shuffle = 0; shuffle < 5; shuffle++) {
                try (var sums = new GradientSums(List.of(parameter))) {
                    sums.begin(12);
                    leaves.forEach(leaf -> sums.accept(parameter, leaf));
                    sums.counted(12);
                    double found = sums.finish();
                    float[] mean = sums.mean("w").toFloats();
                    if (shuffle == 0) {
                        wanted = mean;
                        norm = found;
                    }
                    assertArrayEquals(wanted, mean, "seed " + seed);
                    assertEquals(norm, found);
                }
                Collections.shuffle(leaves, new Random(seed + shuffle));
            }
            assertEquals(Math.sqrt(1000 / 12.0), norm, 1, "the mean of twelve draws of deviation 1");
        });
    }

    @Test void whatLeavesTheRangeIsMarkedAndNotClipped() {
        with(3, (arena, parameter) -> {
            for (float bad : new float[] {256, -256, Float.NaN, Float.POSITIVE_INFINITY}) {
                try (var sums = new GradientSums(List.of(parameter))) {
                    sums.begin(8);
                    sums.accept(parameter, Tensor.of(arena, Shape.of(1, 3), 255.99f, -255.99f, 0));
                    assertFalse(sums.overflowed());
                    sums.accept(parameter, Tensor.of(arena, Shape.of(1, 3), 1, bad, 1));
                    assertTrue(sums.overflowed(), bad + " with eight leaves");
                    assertEquals(List.of("w"), sums.outside());
                    sums.begin(8);
                    assertFalse(sums.overflowed());
                    assertEquals(List.of(), sums.outside());
                }
            }
        });
    }

    @Test void aHugeNormIsInfiniteAndASpikeIsNot() {
        with(8192, (arena, parameter) -> {
            for (float value : new float[] {30, 60}) {
                try (var sums = new GradientSums(List.of(parameter))) {
                    sums.begin(1);
                    Tensor leaf = Tensor.zeros(arena, DType.F32, Shape.of(1, 8192));
                    for (int i = 0; i < 8192; i++) {
                        leaf.setFloat(value, 0, i);
                    }
                    sums.accept(parameter, leaf);
                    sums.counted(1);
                    assertEquals(value == 60 ? Double.POSITIVE_INFINITY : 30 * Math.sqrt(8192), sums.finish(), 1e-3);
                }
            }
        });
    }

    @Test void aStepWithMissingLeavesIsRefused() {
        with(4, (arena, parameter) -> {
            try (var sums = new GradientSums(List.of(parameter))) {
                sums.begin(2);
                sums.counted(1);
                assertTrue(assertThrows(IllegalArgumentException.class, sums::finish).getMessage().contains("1 leaves were added, wanted 2"));
            }
        });
    }
}
