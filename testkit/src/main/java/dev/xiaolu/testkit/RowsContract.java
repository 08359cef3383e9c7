package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/// What every backend's operators along rows must do: give the reference's bits.
public abstract class RowsContract extends OperatorContract {
    private static final int[] LENGTHS = {1, 7, 15, 17, 31, 33, 255, 256, 257, 1000};

    @Test void rmsNormGivesTheReferencesBits() {
        long seed = 2000;
        for (Values values : Values.values()) {
            for (int hidden : LENGTHS) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, Shape.of(2, 13, hidden));
                    Tensor gain = inputs.normal(hidden);
                    assertSameBits(inputs, new RmsNorm(1e-5f), x, gain);
                    assertSameBits(inputs, new RmsNorm(1e-6f), inputs.view(x), gain);
                });
            }
        }
    }

    @Test void rmsNormOfNoRowsIsEmpty() {
        withInputs(2100, inputs -> {
            assertSameBits(inputs, new RmsNorm(1e-5f), inputs.normal(0, 8), inputs.normal(8));
            assertSameBits(inputs, new RmsNormGrad(1e-5f, 1), inputs.normal(0, 8), inputs.normal(8), inputs.normal(0, 8));
            assertSameBits(inputs, new RmsNorm(1e-5f), inputs.normal(3, 0), inputs.normal(0));
            assertSameBits(inputs, new RmsNormGrad(1e-5f, 1), inputs.normal(3, 0), inputs.normal(0), inputs.normal(3, 0));
            assertSameBits(inputs, new CrossEntropy(), inputs.normal(3, 0), inputs.ints(-1, 0, 3));
        });
    }

    @Test void rmsNormGradGivesTheReferencesBits() {
        long seed = 2200;
        for (Values values : Values.values()) {
            for (int hidden : LENGTHS) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, Shape.of(2, 3, hidden));
                    Tensor gain = inputs.normal(hidden);
                    Tensor dy = inputs.normal(2, 3, hidden);
                    assertSameBits(inputs, new RmsNormGrad(1e-5f, 2), x, gain, dy);
                    assertSameBits(inputs, new RmsNormGrad(1e-5f, 1), inputs.view(x), gain, inputs.view(dy));
                });
            }
        }
    }

    /// Sums over rows: one leaf of rows, a leaf and one row, and trees with a missing child.
    @Test void rmsNormGradSumsRowsInLeavesAndTrees() {
        long seed = 2300;
        for (int rows : new int[] {256, 257, 600, 1300}) {
            withInputs(seed++, inputs -> {
                Tensor x = inputs.normal(2, rows, 37);
                assertSameBits(inputs, new RmsNormGrad(1e-5f, 2), x, inputs.normal(37), inputs.normal(2, rows, 37));
                assertSameBits(inputs, new RmsNormGrad(1e-5f, 1), x, inputs.normal(37), inputs.normal(2, rows, 37));
            });
        }
    }

    @Test void crossEntropyAndItsGradientGiveTheReferencesBits() {
        long seed = 2400;
        for (Values values : Values.values()) {
            for (int vocab : LENGTHS) {
                withInputs(seed++, inputs -> {
                    Tensor logits = inputs.floats(values, Shape.of(11, vocab));
                    Tensor targets = inputs.ints(-1, vocab, 11);
                    assertSameBits(inputs, new CrossEntropy(), logits, targets);
                    assertSameBits(inputs, new CrossEntropy(), inputs.view(logits), targets);
                    try (Arena arena = Arena.ofShared()) {
                        Tensor[] forward = runReference(arena, new CrossEntropy(), logits, targets);
                        assertSameBits(inputs, new CrossEntropyGrad(), logits, targets, forward[1], forward[2], inputs.normal(11));
                        assertSameBits(inputs, new CrossEntropyGrad(), inputs.view(logits), targets, forward[1], forward[2], inputs.normal(11));
                    }
                });
            }
        }
    }

    @Test void crossEntropyRefusesTargetsOutsideTheVocabulary() {
        withInputs(2500, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor logits = inputs.normal(3, 10);
                assertRefused(inputs, new CrossEntropy(), logits, Tensor.of(arena, Shape.of(3), 1, 10, 2));
                assertRefused(inputs, new CrossEntropy(), logits, Tensor.of(arena, Shape.of(3), 1, -2, 2));
                assertRefused(inputs, new Embed(), logits, Tensor.of(arena, Shape.of(2), 1, 3));
                assertRefused(inputs, new Embed(), logits, Tensor.of(arena, Shape.of(2), -1, 0));
                assertRefused(inputs, new EmbedGrad(5, 1), logits, Tensor.of(arena, Shape.of(3), 0, 5, 1));
                assertRefused(inputs, new Rope(false), inputs.normal(2, 1, 8), inputs.normal(4, 8), Tensor.of(arena, Shape.of(2), 0, 4));
            }
        });
    }

    @Test void meanAndItsGradientGiveTheReferencesBits() {
        long seed = 2600;
        for (Values values : Values.values()) {
            for (int rows : LENGTHS) {
                withInputs(seed++, inputs -> {
                    assertSameBits(inputs, new Mean(1), inputs.floats(values, Shape.of(rows)));
                    assertSameBits(inputs, new Mean(4), inputs.floats(values, Shape.of(4L * rows)));
                    assertSameBits(inputs, new MeanGrad(4L * rows), inputs.floats(values, Shape.of(4)));
                });
            }
        }
    }

    @Test void squareSumsGiveTheReferencesBits() {
        long seed = 2700;
        for (Values values : Values.values()) {
            for (int size : new int[] {0, 1, 31, 33, 4095, 4096, 4097, 50_000}) {
                withInputs(seed++, inputs -> assertSameBits(inputs, new SquareSums(), inputs.floats(values, Shape.of(size))));
            }
        }
    }

    @Test void squareSumsRefuseViewsWithGaps() {
        withInputs(2750, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor view = inputs.view(inputs.normal(3, 40));
                assertThrows(IllegalArgumentException.class, () -> runReference(arena, new SquareSums(), view));
                assertThrows(IllegalArgumentException.class, () -> runBackend(arena, new SquareSums(), view));
            }
        });
    }

    @Test void embedCopiesRows() {
        long seed = 2800;
        for (int hidden : LENGTHS) {
            withInputs(seed++, inputs -> {
                Tensor weight = inputs.floats(Values.WILD, Shape.of(19, hidden));
                Tensor ids = inputs.ints(0, 19, 3, 50);
                assertSameBits(inputs, new Embed(), weight, ids);
                assertSameBits(inputs, new Embed(), inputs.view(weight), inputs.view(ids));
            });
        }
    }

    @Test void embedGradGivesTheReferencesBits() {
        long seed = 2900;
        for (Values values : Values.values()) {
            for (int hidden : new int[] {1, 15, 17, 33, 256}) {
                withInputs(seed++, inputs -> {
                    Tensor dy = inputs.floats(values, Shape.of(4, 15, hidden));
                    Tensor ids = inputs.ints(2, 19, 4, 15);
                    assertSameBits(inputs, new EmbedGrad(23, 2), dy, ids);
                    assertSameBits(inputs, new EmbedGrad(19, 1), inputs.view(dy), inputs.view(ids));
                });
            }
        }
    }

    /// One id so frequent that its sources fill several leaves.
    @Test void embedGradSumsFrequentIdsInLeavesAndTrees() {
        withInputs(3000, inputs -> {
            assertSameBits(inputs, new EmbedGrad(3, 1), inputs.normal(2500, 37), inputs.ints(0, 2, 2500));
            assertSameBits(inputs, new EmbedGrad(1, 2), inputs.normal(1028, 5), inputs.ints(0, 1, 1028));
        });
    }

    @Test void ropeGivesTheReferencesBits() {
        long seed = 3100;
        for (Values values : Values.values()) {
            for (int dim : new int[] {2, 14, 32, 64, 66, 128}) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, Shape.of(2, 9, 3, dim));
                    Tensor table = inputs.normal(40, dim);
                    Tensor positions = inputs.ints(0, 40, 2, 9);
                    for (boolean inverse : new boolean[] {false, true}) {
                        assertSameBits(inputs, new Rope(inverse), x, table, positions);
                        assertSameBits(inputs, new Rope(inverse), inputs.view(x), inputs.view(table), inputs.view(positions));
                    }
                });
            }
        }
    }

    @Test void hotOperatorsMakeNoGarbage() {
        withInputs(3200, inputs -> {
            Tensor x = inputs.normal(512, 384);
            Tensor gain = inputs.normal(384);
            assertNoGarbage(new RmsNorm(1e-5f), x, gain);
            assertNoGarbage(new RmsNormGrad(1e-5f, 2), x, gain, inputs.normal(512, 384));
            assertNoGarbage(new SquareSums(), x);
            Tensor logits = inputs.normal(128, 2048);
            Tensor targets = inputs.ints(0, 2048, 128);
            assertNoGarbage(new CrossEntropy(), logits, targets);
            assertNoGarbage(new CrossEntropyGrad(), logits, targets, inputs.normal(128), inputs.normal(128), inputs.normal(128));
            assertNoGarbage(new Embed(), logits, inputs.ints(0, 128, 512));
            assertNoGarbage(new EmbedGrad(1000, 1), x, inputs.ints(0, 1000, 512));
            assertNoGarbage(new Rope(false), inputs.normal(512, 6, 64), inputs.normal(512, 64), inputs.ints(0, 512, 512));
        });
    }
}
