package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// What every backend's router must do: choose, weigh and count as the reference does, ties and NaN included.
public abstract class RouterContract extends OperatorContract {
    private static final int[] EXPERTS = {1, 7, 15, 17, 31, 33, 256, 257};

    @Test void scoresAndTheirGradientsGiveTheReferencesBits() {
        long seed = 7000;
        for (Values values : Values.values()) {
            for (int length : new int[] {0, 1, 7, 16, 33, 257, 9001}) {
                withInputs(seed++, inputs -> {
                    Tensor z = inputs.floats(values, Shape.of(3, length));
                    Tensor ds = inputs.normal(3, length);
                    Tensor s = inputs.normal(3, length);
                    for (int i = 0; i < 3 * length; i++) {
                        float value = z.data().getAtIndex(ValueLayout.JAVA_FLOAT, i);
                        if (values == Values.NORMAL) {
                            z.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, 20 + 30 * value);
                        }
                    }
                    try (Arena arena = Arena.ofShared()) {
                        s.data().copyFrom(runReference(arena, new SqrtSoftplus(), z)[0].data());
                    }
                    assertSameBits(inputs, new SqrtSoftplus(), z);
                    assertSameBits(inputs, new SqrtSoftplus(), inputs.view(z));
                    assertSameBits(inputs, new SqrtSoftplusGrad(), z, s, ds);
                    assertSameBits(inputs, new SqrtSoftplusGrad(), inputs.view(z), s, inputs.view(ds));
                });
            }
        }
    }

    @Test void aScoreThatVanishedHasNoGradient() {
        withInputs(7100, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor z = Tensor.of(arena, Shape.of(3), -1000f, Float.NEGATIVE_INFINITY, 20f);
                Tensor s = runBackend(arena, new SqrtSoftplus(), z)[0];
                assertArrayEquals(new float[] {0, 0}, s.slice(0, 0, 2).toFloats());
                assertEquals(Math.sqrt(20), s.getFloat(2), 1e-6);
                float[] dz = runBackend(arena, new SqrtSoftplusGrad(), z, s, inputs.normal(3))[0].toFloats();
                assertArrayEquals(new float[] {0, 0}, Arrays.copyOf(dz, 2));
            }
        });
    }

    @Test void expertsAreChosenAsTheReferenceChooses() {
        long seed = 7200;
        for (Values values : Values.values()) {
            for (int experts : EXPERTS) {
                withInputs(seed++, inputs -> {
                    Tensor scores = inputs.floats(values, Shape.of(23, experts));
                    for (int count = 1; count <= Math.min(experts, 8); count++) {
                        assertSameBits(inputs, new TopExperts(count), scores);
                        assertSameBits(inputs, new TopExperts(count), inputs.view(scores), inputs.normal(experts));
                    }
                    assertSameBits(inputs, new TopExperts(experts), scores);
                });
            }
        }
    }

    /// Few different values: nearly every choice is between equals.
    @Test void tiesAreDecidedAsTheReferenceDecides() {
        withInputs(7300, inputs -> {
            Tensor drawn = inputs.ints(-1, 3, 40, 65);
            Tensor scores = inputs.normal(40, 65);
            for (int i = 0; i < 40 * 65; i++) {
                int value = drawn.data().getAtIndex(ValueLayout.JAVA_INT, i);
                scores.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, value < 0 ? Float.NaN : value == 0 && i % 2 == 0 ? -0f : value);
            }
            for (int count : new int[] {1, 2, 6, 20, 40, 64}) {
                assertSameBits(inputs, new TopExperts(count), scores);
            }
        });
    }

    @Test void tiesGoToTheLowestIndexAndNanLosesToEveryNumber() {
        withInputs(7310, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                float nan = Float.NaN;
                Tensor scores = Tensor.of(arena, Shape.of(4, 5),
                        1, 3, 3, 2, 3,
                        -0f, 0f, nan, 0f, -1,
                        nan, nan, Float.NEGATIVE_INFINITY, nan, nan,
                        nan, nan, nan, nan, nan);
                Tensor chosen = runBackend(arena, new TopExperts(2), scores)[0];
                assertArrayEquals(new int[] {1, 2, 0, 1, 0, 2, 0, 1}, chosen.data().toArray(ValueLayout.JAVA_INT));
                Tensor bias = Tensor.of(arena, Shape.of(5), 0f, 0f, 0f, 5f, 0f);
                chosen = runBackend(arena, new TopExperts(2), scores.slice(0, 0, 1), bias)[0];
                assertArrayEquals(new int[] {1, 3}, chosen.data().toArray(ValueLayout.JAVA_INT));
            }
        });
    }

    @Test void expertsAreLookedUpInAscendingOrder() {
        withInputs(7400, inputs -> {
            Tensor ids = inputs.ints(0, 19, 3, 17);
            Tensor narrow = inputs.ints(0, 40, 19, 6);
            Tensor wide = inputs.bits(DType.I64, 19, 6);
            for (int i = 0; i < 19 * 6; i++) {
                wide.data().setAtIndex(ValueLayout.JAVA_LONG, i, narrow.data().getAtIndex(ValueLayout.JAVA_INT, i));
            }
            for (Tensor table : new Tensor[] {narrow, wide, inputs.view(narrow), inputs.view(wide)}) {
                assertSameBits(inputs, new ExpertLookup(), table, ids);
                assertSameBits(inputs, new ExpertLookup(), table, inputs.view(ids));
            }
            for (int rows : new int[] {0, 1, 7, 255, 1000}) {
                assertSameBits(inputs, new ExpertLookup(), wide, inputs.ints(0, 19, rows));
                assertSameBits(inputs, new ExpertLookup(), inputs.ints(0, 40, 19, 0), inputs.ints(0, 19, rows));
                assertSameBits(inputs, new ExpertLookup(), inputs.ints(0, 40, 19, 17), inputs.view(inputs.ints(0, 19, rows, 3)));
            }
            try (Arena arena = Arena.ofShared()) {
                assertRefused(inputs, new ExpertLookup(), narrow, Tensor.of(arena, Shape.of(2), 3, 19));
                assertRefused(inputs, new ExpertLookup(), narrow, Tensor.of(arena, Shape.of(2), -1, 3));
                wide.data().setAtIndex(ValueLayout.JAVA_LONG, 7, 1L << 33);
                assertRefused(inputs, new ExpertLookup(), wide, Tensor.of(arena, Shape.of(2), 0, 1));
            }
        });
    }

    @Test void weightsAndTheirGradientsGiveTheReferencesBits() {
        long seed = 7500;
        for (Values values : Values.values()) {
            for (int experts : EXPERTS) {
                withInputs(seed++, inputs -> {
                    int count = Math.min(experts, 6);
                    Tensor scores = inputs.floats(values, Shape.of(29, experts));
                    Tensor chosen = inputs.chosen(29, count, experts);
                    Tensor dweights = inputs.normal(29, count);
                    assertSameBits(inputs, new RouteWeights(1.5f), scores, chosen);
                    assertSameBits(inputs, new RouteWeights(1), inputs.view(scores), inputs.view(chosen));
                    assertSameBits(inputs, new RouteWeightsGrad(1.5f), scores, chosen, dweights);
                    assertSameBits(inputs, new RouteWeightsGrad(2.5f), inputs.view(scores), inputs.view(chosen), inputs.view(dweights));
                });
            }
        }
    }

    @Test void sharesAndTheirGradientsGiveTheReferencesBits() {
        long seed = 7550;
        for (Values values : Values.values()) {
            for (int experts : new int[] {1, 7, 15, 16, 17, 31, 33, 128, 257, 1000}) {
                withInputs(seed++, inputs -> {
                    Tensor logits = inputs.floats(values, Shape.of(19, experts));
                    Tensor dy = inputs.normal(19, experts);
                    assertSameBits(inputs, new Softmax(), logits);
                    assertSameBits(inputs, new Softmax(), inputs.view(logits));
                    assertSameBits(inputs, new SoftmaxGrad(), logits, dy);
                    assertSameBits(inputs, new SoftmaxGrad(), inputs.view(logits), inputs.view(dy));
                });
            }
        }
    }

    @Test void scoresAsWeightsAndTheirGradientsGiveTheReferencesBits() {
        long seed = 7580;
        for (Values values : Values.values()) {
            for (int experts : EXPERTS) {
                withInputs(seed++, inputs -> {
                    int count = Math.min(experts, 6);
                    Tensor scores = inputs.floats(values, Shape.of(131, experts));
                    Tensor chosen = inputs.chosen(131, count, experts);
                    Tensor dweights = inputs.normal(131, count);
                    assertSameBits(inputs, new RouteScores(1), scores, chosen);
                    assertSameBits(inputs, new RouteScores(2.5f), inputs.view(scores), inputs.view(chosen));
                    assertSameBits(inputs, new RouteScoresGrad(1), scores, chosen, dweights);
                    assertSameBits(inputs, new RouteScoresGrad(2.5f), inputs.view(scores), inputs.view(chosen), inputs.view(dweights));
                });
            }
        }
    }

    @Test void sharesOfARowAddUpToOneAndTheGreatestLogitMayBeHuge() {
        withInputs(7590, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor logits = Tensor.of(arena, Shape.of(3, 4), 1e38f, 1e38f, -1e38f, Float.NEGATIVE_INFINITY, 0f, 0f, 0f, 0f, 1f, Float.NaN, 2f, 3f);
                float[] shares = runBackend(arena, new Softmax(), logits)[0].toFloats();
                assertArrayEquals(new float[] {0.5f, 0.5f, 0, 0, 0.25f, 0.25f, 0.25f, 0.25f, Float.NaN, Float.NaN, Float.NaN, Float.NaN}, shares);
            }
        });
    }

    @Test void balanceGivesTheReferencesBits() {
        long seed = 7600;
        for (Values values : Values.values()) {
            for (int experts : EXPERTS) {
                for (int length : new int[] {1, 5, 40}) {
                    withInputs(seed++, inputs -> balance(inputs, values, 3, length, experts));
                }
            }
        }
    }

    /// Sums over tokens: one leaf, a leaf and one token, and a tree with a missing child.
    @Test void balanceSumsTokensInLeavesAndTrees() {
        long seed = 7700;
        for (int length : new int[] {256, 257, 600, 1300}) {
            withInputs(seed++, inputs -> balance(inputs, Values.NORMAL, 2, length, 37));
        }
    }

    private void balance(Inputs inputs, Values values, int batch, int length, int experts) {
        Tensor scores = inputs.floats(values, Shape.of(batch, length, experts));
        Tensor chosen = inputs.chosen(batch * length, Math.min(experts, 6), experts);
        Tensor dloss = inputs.normal(batch);
        assertSameBits(inputs, new BalanceLoss(1e-4f), scores, chosen);
        assertSameBits(inputs, new BalanceLoss(0.5f), inputs.view(scores), inputs.view(chosen));
        assertSameBits(inputs, new BalanceLossGrad(1e-4f), scores, chosen, dloss);
        assertSameBits(inputs, new BalanceLossGrad(0.5f), inputs.view(scores), inputs.view(chosen), dloss);
    }

    @Test void loadIsCountedExactlyAndMovesTheBias() {
        withInputs(7800, inputs -> {
            assertSameBits(inputs, new ExpertLoad(), inputs.chosen(1000, 6, 33), inputs.bits(DType.I64, 33));
            assertSameBits(inputs, new ExpertLoad(), inputs.view(inputs.chosen(100, 2, 7)), inputs.bits(DType.I64, 7));
            for (int experts : EXPERTS) {
                assertSameBits(inputs, new ExpertLoad(), inputs.chosen(257, Math.min(experts, 6), experts), inputs.bits(DType.I64, experts));
                for (Values values : Values.values()) {
                    assertSameBits(inputs, new RouterBiasStep(1e-3f), inputs.floats(values, Shape.of(experts)), inputs.bits(DType.I64, experts));
                    assertSameBits(inputs, new RouterBiasStep(0), inputs.floats(values, Shape.of(experts)), inputs.bits(DType.I64, experts));
                }
            }
            assertSameBits(inputs, new ExpertLoad(), inputs.ints(0, 1, 0, 3), inputs.bits(DType.I64, 5));
            assertSameBits(inputs, new ExpertLoad(), inputs.ints(0, 1, 3, 0), inputs.bits(DType.I64, 0));
            assertSameBits(inputs, new RouterBiasStep(1), inputs.normal(0), inputs.bits(DType.I64, 0));
            try (Arena arena = Arena.ofShared()) {
                Tensor load = Tensor.zeros(arena, DType.I64, Shape.of(4));
                runBackend(arena, new ExpertLoad(), Tensor.of(arena, Shape.of(4, 2), 0, 1, 0, 1, 0, 1, 0, 3), load);
                assertArrayEquals(new long[] {4, 3, 0, 1}, load.data().asSlice(0, 32).toArray(ValueLayout.JAVA_LONG));
                load.data().setAtIndex(ValueLayout.JAVA_LONG, 1, 2);
                load.data().setAtIndex(ValueLayout.JAVA_LONG, 2, 1);                       // 4, 2, 1, 1: the mean is just 2
                Tensor bias = Tensor.of(arena, Shape.of(4), 0.5f, 0.5f, 0.5f, 0.5f);
                runBackend(arena, new RouterBiasStep(0.25f), bias, load);
                assertArrayEquals(new float[] {0.25f, 0.5f, 0.75f, 0.75f}, bias.toFloats());
            }
        });
    }

    @Test void expertsThatDoNotExistAreRefused() {
        withInputs(7900, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor scores = inputs.normal(2, 5);
                for (Tensor chosen : new Tensor[] {Tensor.of(arena, Shape.of(2, 2), 0, 1, 4, 5), Tensor.of(arena, Shape.of(2, 2), 0, 1, -1, 4)}) {
                    assertRefused(inputs, new RouteWeights(1), scores, chosen);
                    assertRefused(inputs, new RouteWeightsGrad(1), scores, chosen, inputs.normal(2, 2));
                    assertRefused(inputs, new RouteScores(1), scores, chosen);
                    assertRefused(inputs, new RouteScoresGrad(1), scores, chosen, inputs.normal(2, 2));
                    assertRefused(inputs, new BalanceLoss(1), scores.reshape(1, 2, 5), chosen);
                    assertRefused(inputs, new BalanceLossGrad(1), scores.reshape(1, 2, 5), chosen, inputs.normal(1));
                    assertRefused(inputs, new ExpertLoad(), chosen, inputs.bits(DType.I64, 5));
                }
            }
        });
    }

    @Test void hotOperatorsMakeNoGarbage() {
        withInputs(7950, inputs -> {
            Tensor scores = inputs.normal(128, 64);
            Tensor chosen = inputs.chosen(128, 6, 64);
            assertNoGarbage(new SqrtSoftplus(), scores);
            assertNoGarbage(new SqrtSoftplusGrad(), scores, scores, inputs.normal(128, 64));
            assertNoGarbage(new Softmax(), scores);
            assertNoGarbage(new SoftmaxGrad(), scores, inputs.normal(128, 64));
            assertNoGarbage(new RouteScores(1), scores, chosen);
            assertNoGarbage(new RouteScoresGrad(1), scores, chosen, inputs.normal(128, 6));
            assertNoGarbage(new TopExperts(6), scores, inputs.normal(64));
            assertNoGarbage(new ExpertLookup(), inputs.ints(0, 64, 50, 6), inputs.ints(0, 50, 4, 128));
            assertNoGarbage(new ExpertLoad(), chosen, inputs.bits(DType.I64, 64));
            assertNoGarbage(new RouterBiasStep(1e-3f), inputs.normal(64), inputs.bits(DType.I64, 64));
            assertNoGarbage(new RouteWeights(1), scores, chosen);
            assertNoGarbage(new RouteWeightsGrad(1), scores, chosen, inputs.normal(128, 6));
        });
    }
}
