package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// What every backend's experts must do: give the reference's bits, however the tokens are spread over them.
public abstract class ExpertsContract extends OperatorContract {
    private static final int[] LENGTHS = {1, 7, 15, 17, 31, 33, 255, 256, 257, 1000};

    @Test void plansAreTheReferences() {
        withInputs(8000, inputs -> {
            for (int rows : new int[] {0, 1, 7, 100, 1000}) {
                assertSameBits(inputs, new ExpertPlan(1), inputs.chosen(rows, 1, 1));
                assertSameBits(inputs, new ExpertPlan(9), inputs.chosen(rows, 9, 9));
                assertSameBits(inputs, new ExpertPlan(64), inputs.view(inputs.chosen(rows, 6, 64)));
                assertSameBits(inputs, new ExpertPlan(300), inputs.chosen(rows, 2, 33));
            }
        });
    }

    @Test void aPlanSortsByExpertAndThenByRow() {
        withInputs(8010, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor[] plan = runBackend(arena, new ExpertPlan(4), Tensor.of(arena, Shape.of(3, 2), 1, 3, 0, 1, 1, 3));
                assertArrayEquals(new int[] {2, 0, 3, 4, 1, 5}, plan[0].data().toArray(ValueLayout.JAVA_INT));
                assertArrayEquals(new int[] {0, 1, 4, 4, 6}, plan[1].data().toArray(ValueLayout.JAVA_INT));
                assertArrayEquals(new int[] {1, 4, 0, 2, 3, 5}, plan[2].data().toArray(ValueLayout.JAVA_INT));
            }
        });
    }

    @Test void unfitChoicesAndPlansAreRefused() {
        withInputs(8020, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                assertRefused(inputs, new ExpertPlan(4), Tensor.of(arena, Shape.of(2, 2), 0, 1, 3, 4));
                assertRefused(inputs, new ExpertPlan(4), Tensor.of(arena, Shape.of(2, 2), 0, 1, 2, 2));
                assertRefused(inputs, new ExpertPlan(4), Tensor.of(arena, Shape.of(2, 2), 0, 1, 3, 2));
                Tensor places = Tensor.of(arena, Shape.of(2, 2), 0, 1, 2, 4);
                assertRefused(inputs, new TakeRows(), inputs.normal(2, 5), places);
                assertRefused(inputs, new TakeRowsGrad(), inputs.normal(4, 5), places);
                assertRefused(inputs, new Combine(), inputs.normal(4, 5), inputs.normal(2, 2), places);
                assertRefused(inputs, new CombineGrad(), inputs.normal(4, 5), inputs.normal(2, 2), places, inputs.normal(2, 5));
                Tensor order = Tensor.of(arena, Shape.of(4), 0, 1, 2, 3);
                Tensor jumbled = Tensor.of(arena, Shape.of(4), 0, 2, 1, 3);
                assertRefused(inputs, new ExpertLinearGrad(1), inputs.normal(4, 5), inputs.normal(4, 3), jumbled, Tensor.of(arena, Shape.of(2), 0, 4));
                for (int[] unfit : new int[][] {{0, 2, 5}, {1, 2, 4}, {0, 5, 4}}) {
                    Tensor offsets = Tensor.of(arena, Shape.of(3), unfit);
                    assertRefused(inputs, new ExpertLinear(false), inputs.normal(4, 5), inputs.normal(2, 3, 5), order, offsets);
                    assertRefused(inputs, new ExpertLinearGrad(1), inputs.normal(4, 5), inputs.normal(4, 3), order, offsets);
                }
            }
        });
    }

    @Test void theWayToTheExpertsAndBackGivesTheReferencesBits() {
        long seed = 8100;
        for (Values values : Values.values()) {
            for (int hidden : LENGTHS) {
                withInputs(seed++, inputs -> {
                    Routing routing = Routing.of(inputs, 21, 3, 8);
                    Tensor tokens = inputs.floats(values, Shape.of(3, 7, hidden));
                    Tensor pairs = inputs.floats(values, Shape.of(63, hidden));
                    Tensor weights = inputs.normal(21, 3);
                    Tensor dy = inputs.normal(21, hidden);
                    Tensor places = inputs.view(routing.places());
                    assertSameBits(inputs, new TakeRows(), tokens, routing.places());
                    assertSameBits(inputs, new TakeRows(), inputs.view(tokens), places);
                    assertSameBits(inputs, new TakeRowsGrad(), pairs, routing.places());
                    assertSameBits(inputs, new TakeRowsGrad(), inputs.view(pairs), places);
                    assertSameBits(inputs, new Combine(), pairs, weights, routing.places());
                    assertSameBits(inputs, new Combine(), inputs.view(pairs), inputs.view(weights), places);
                    assertSameBits(inputs, new CombineGrad(), pairs, weights, routing.places(), dy);
                    assertSameBits(inputs, new CombineGrad(), inputs.view(pairs), inputs.view(weights), places, inputs.view(dy));
                });
            }
        }
    }

    @Test void productsOfExpertsGiveTheReferencesBits() {
        long seed = 8300;
        for (Values values : Values.values()) {
            for (int length : new int[] {1, 7, 33, 257, 600}) {
                withInputs(seed++, inputs -> {
                    experts(inputs, values, Routing.of(inputs, 24, 3, 8), 8, 17, length);
                    experts(inputs, values, Routing.of(inputs, 24, 3, 8), 8, length, 17);
                });
            }
        }
    }

    /// Every token at one expert; many experts without a token; no tokens at all.
    @Test void lopsidedChoicesGiveTheReferencesBits() {
        withInputs(8400, inputs -> {
            experts(inputs, Values.NORMAL, Routing.of(inputs, 40, 1, 1), 1, 33, 40);
            experts(inputs, Values.NORMAL, Routing.of(inputs, 6, 2, 70), 70, 9, 20);
            experts(inputs, Values.NORMAL, Routing.of(inputs, 0, 2, 5), 5, 9, 20);
            experts(inputs, Values.NORMAL, Routing.of(inputs, inputs.ints(3, 4, 50, 1), 5), 5, 9, 20);
        });
    }

    /// The sums of a weight's gradient over the tokens of an expert: more than a leaf of 256 in some leaves of work and less in others.
    @Test void gradientsOfExpertsSumTokensInLeavesAndTrees() {
        withInputs(8500, inputs -> {
            for (int rows : new int[] {300, 700, 1400}) {
                Routing routing = Routing.of(inputs, rows, 2, 3);
                Tensor x = inputs.normal(2 * rows, 13);
                Tensor dy = inputs.normal(2 * rows, 11);
                for (int leaves : new int[] {1, 2, rows / 100}) {
                    assertSameBits(inputs, new ExpertLinearGrad(leaves), x, dy, routing.order(), routing.offsets());
                }
            }
        });
    }

    private void experts(Inputs inputs, Values values, Routing routing, int experts, int out, int in) {
        long pairs = routing.order().shape().size();
        Tensor x = inputs.floats(values, Shape.of(pairs, in));
        Tensor dy = inputs.floats(values, Shape.of(pairs, out));
        Tensor weight = inputs.normal(experts, out, in);
        assertSameBits(inputs, new ExpertLinear(false), x, weight, routing.order(), routing.offsets());
        assertSameBits(inputs, new ExpertLinear(false), inputs.view(x), inputs.view(weight), routing.order(), routing.offsets());
        assertSameBits(inputs, new ExpertLinear(true), dy, weight, routing.order(), routing.offsets());
        assertSameBits(inputs, new ExpertLinear(true), inputs.view(dy), inputs.view(weight), routing.order(), routing.offsets());
        assertSameBits(inputs, new ExpertLinearGrad(1), x, dy, routing.order(), routing.offsets());
        assertSameBits(inputs, new ExpertLinearGrad(2), inputs.view(x), inputs.view(dy), routing.order(), routing.offsets());
    }

    @Test void groupedProductsGiveTheReferencesBits() {
        long seed = 8600;
        for (Values values : Values.values()) {
            for (int length : new int[] {1, 7, 33, 257, 600}) {
                withInputs(seed++, inputs -> {
                    groups(inputs, values, 10, 3, 17, length);
                    groups(inputs, values, 10, 2, length, 17);
                });
            }
        }
        withInputs(seed, inputs -> {
            groups(inputs, Values.NORMAL, 2, 1, 40, 33);
            groups(inputs, Values.NORMAL, 0, 2, 5, 6);
            groups(inputs, Values.NORMAL, 1400, 2, 13, 11);
        });
    }

    private void groups(Inputs inputs, Values values, int rows, int groups, int out, int in) {
        Tensor x = inputs.floats(values, Shape.of(2, rows / 2, groups, in));
        Tensor dy = inputs.floats(values, Shape.of(2, rows / 2, groups, out));
        Tensor weight = inputs.normal(groups * out, in);
        assertSameBits(inputs, new GroupedLinear(false), x, weight);
        assertSameBits(inputs, new GroupedLinear(false), inputs.view(x), inputs.view(weight));
        assertSameBits(inputs, new GroupedLinear(true), dy, weight);
        assertSameBits(inputs, new GroupedLinear(true), inputs.view(dy), inputs.view(weight));
        assertSameBits(inputs, new GroupedLinearGrad(2), x, dy);
        assertSameBits(inputs, new GroupedLinearGrad(1), inputs.view(x), inputs.view(dy));
    }

    @Test void clampedGatesGiveTheReferencesBits() {
        long seed = 8700;
        for (Values values : Values.values()) {
            for (int length : LENGTHS) {
                withInputs(seed++, inputs -> {
                    Tensor gate = inputs.floats(values, Shape.of(9, length));
                    Tensor up = inputs.floats(values, Shape.of(9, length));
                    Tensor dy = inputs.floats(values, Shape.of(9, length));
                    for (float limit : new float[] {0.5f, 10}) {
                        assertSameBits(inputs, new ClampedSwiGlu(limit), gate, up);
                        assertSameBits(inputs, new ClampedSwiGlu(limit), inputs.view(gate), up);
                        assertSameBits(inputs, new ClampedSwiGluGrad(limit), gate, up, dy);
                        assertSameBits(inputs, new ClampedSwiGluGrad(limit), gate, inputs.view(up), inputs.view(dy));
                    }
                });
            }
        }
    }

    @Test void gradientsPassAtTheLimitAndStopBeyondIt() {
        withInputs(8800, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                float above = Math.nextUp(2f);
                Tensor gate = Tensor.of(arena, Shape.of(5), 2, above, -9, 1, 1);
                Tensor up = Tensor.of(arena, Shape.of(5), 1, 1, 1, -2, -above);
                Tensor[] gradients = runBackend(arena, new ClampedSwiGluGrad(2), gate, up, Tensor.of(arena, Shape.of(5), 1f, 1f, 1f, 1f, 1f));
                boolean[][] passes = {{true, false, true, true, true}, {true, true, true, true, false}};
                for (int i = 0; i < 2; i++) {
                    for (int k = 0; k < 5; k++) {
                        assertEquals(passes[i][k], gradients[i].getFloat(k) != 0, "gradient " + i + " at " + k);
                    }
                }
            }
        });
    }

    /// A token's result does not depend on the tokens beside it, nor on how many share its experts.
    @Test void aTokenDoesNotDependOnTheTokensBesideIt() {
        withInputs(8900, inputs -> {
            Tensor x = inputs.normal(12, 40);
            Tensor weight = inputs.normal(6, 40, 40);
            Tensor weights = inputs.normal(12, 2);
            Tensor chosen = inputs.chosen(12, 2, 6);
            try (Arena arena = Arena.ofShared()) {
                float[] all = layer(arena, x, weight, weights, chosen).toFloats();
                for (int row = 0; row < 12; row++) {
                    float[] alone = layer(arena, x.slice(0, row, row + 1), weight, weights.slice(0, row, row + 1), chosen.slice(0, row, row + 1)).toFloats();
                    assertArrayEquals(Arrays.copyOfRange(all, row * 40, row * 40 + 40), alone, "row " + row);
                }
            }
        });
    }

    private Tensor layer(Arena arena, Tensor x, Tensor weight, Tensor weights, Tensor chosen) {
        Tensor[] plan = runBackend(arena, new ExpertPlan((int) weight.shape().axis(0)), chosen);
        Tensor taken = runBackend(arena, new TakeRows(), x, plan[2])[0];
        Tensor done = runBackend(arena, new ExpertLinear(false), taken, weight, plan[0], plan[1])[0];
        return runBackend(arena, new Combine(), done, weights, plan[2])[0];
    }

    @Test void hotOperatorsMakeNoGarbage() {
        withInputs(8950, inputs -> {
            Routing routing = Routing.of(inputs, 128, 2, 4);
            Tensor tokens = inputs.normal(128, 64);
            Tensor pairs = inputs.normal(256, 64);
            Tensor weights = inputs.normal(128, 2);
            assertNoGarbage(new TakeRows(), tokens, routing.places());
            assertNoGarbage(new TakeRowsGrad(), pairs, routing.places());
            assertNoGarbage(new Combine(), pairs, weights, routing.places());
            assertNoGarbage(new CombineGrad(), pairs, weights, routing.places(), tokens);
            assertNoGarbage(new ClampedSwiGlu(10), pairs, inputs.normal(256, 64));
            assertNoGarbage(new ClampedSwiGluGrad(10), pairs, inputs.normal(256, 64), inputs.normal(256, 64));
        });
    }
}
