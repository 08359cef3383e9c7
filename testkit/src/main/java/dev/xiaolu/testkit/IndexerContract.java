package dev.xiaolu.testkit;

import static dev.xiaolu.testkit.JointAttentionContract.runs;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// What every backend's indexer must do: give the reference's bits and choose the reference's entries.
public abstract class IndexerContract extends OperatorContract {
    /// Sizes are batch, queries, heads, dim, entries.
    private void check(Inputs inputs, Values values, boolean views, int... sizes) {
        Tensor q = inputs.floats(values, Shape.of(sizes[0], sizes[1], sizes[2], sizes[3]));
        Tensor k = inputs.floats(values, Shape.of(sizes[0], sizes[4], sizes[3]));
        Tensor weight = inputs.floats(values, Shape.of(sizes[0], sizes[1], sizes[2]));
        Tensor dy = inputs.normal(sizes[0], sizes[1], sizes[4]);
        Tensor ascending = inputs.ints(0, 1, sizes[0], sizes[1]);
        for (int i = 0; i < ascending.shape().size(); i++) {
            ascending.data().setAtIndex(JAVA_INT, i, (i % sizes[1] + 1) * sizes[4] / sizes[1]);
        }
        for (Tensor visible : new Tensor[] {ascending, inputs.ints(0, sizes[4] + 1, sizes[0], sizes[1]), runs(inputs, sizes[4], sizes[0], sizes[1])}) {
            Tensor[] in = {q, k, weight, visible, dy};
            if (views) {
                in = Arrays.stream(in).map(inputs::view).toArray(Tensor[]::new);
            }
            assertSameBits(inputs, new IndexScores(), Arrays.copyOf(in, 4));
            assertSameBits(inputs, new IndexScoresGrad(), in);
        }
    }

    @Test void scoresGiveTheReferencesBits() {
        int[][] sizes = {{1, 1, 1, 1, 1}, {2, 7, 3, 5, 9}, {1, 33, 16, 31, 33}, {2, 3, 4, 128, 130}, {1, 5, 64, 17, 70}, {1, 1, 16, 64, 600}, {1, 2, 3, 300, 20}, {1, 300, 2, 16, 75}};
        for (Values values : Values.values()) {
            for (int[] size : sizes) {
                withInputs(Arrays.hashCode(size), inputs -> check(inputs, values, false, size));
            }
        }
        withInputs(4000, inputs -> check(inputs, Values.NORMAL, true, 2, 17, 5, 20, 40));
        withInputs(4001, inputs -> check(inputs, Values.NORMAL, false, 1, 128, 16, 128, 32));
        withInputs(4002, inputs -> check(inputs, Values.NORMAL, false, 1, 20, 4, 24, 1100));
    }

    @Test void scoresOfNothingAreEmpty() {
        for (int[] size : new int[][] {{0, 3, 2, 4, 5}, {2, 3, 0, 4, 5}, {2, 3, 2, 0, 5}, {2, 3, 2, 4, 0}}) {
            withInputs(4100, inputs -> check(inputs, Values.NORMAL, false, size));
        }
    }

    /// A query's scores do not depend on the entries and queries beside it.
    @Test void oneCallOrManyGiveTheSameScores() {
        withInputs(4200, inputs -> {
            Tensor q = inputs.normal(1, 40, 5, 24);
            Tensor k = inputs.normal(1, 90, 24);
            Tensor weight = inputs.normal(1, 40, 5);
            Tensor visible = inputs.ints(0, 1, 1, 40);
            for (int i = 0; i < 40; i++) {
                visible.data().setAtIndex(JAVA_INT, i, 2 * i + 2);
            }
            try (Arena arena = Arena.ofShared()) {
                Tensor whole = runBackend(arena, new IndexScores(), q, k, weight, visible)[0];
                for (int[] chunk : new int[][] {{0, 1}, {17, 18}, {39, 40}, {3, 20}}) {
                    Tensor found = runBackend(arena, new IndexScores(), q.slice(1, chunk[0], chunk[1]), k.slice(1, 0, 2L * chunk[1]), weight.slice(1, chunk[0], chunk[1]), visible.slice(1, chunk[0], chunk[1]))[0];
                    assertArrayEquals(whole.slice(1, chunk[0], chunk[1]).slice(2, 0, 2L * chunk[1]).toFloats(), found.toFloats());
                }
            }
        });
    }

    /// One step at position 2^20 with windows of 4.
    @Test void choosesFarOut() {
        withInputs(4250, inputs -> {
            int entries = 1 << 18;
            Tensor visible = inputs.ints(entries, entries + 1, 1, 1);
            Tensor[] in = {inputs.normal(1, 1, 3, 8), inputs.normal(1, entries, 8), inputs.normal(1, 1, 3), visible};
            assertSameBits(inputs, new IndexScores(), in);
            try (Arena arena = Arena.ofShared()) {
                assertSameBits(inputs, new TopEntries(512), runReference(arena, new IndexScores(), in)[0], visible);
            }
        });
    }

    @Test void topEntriesAreTheReferences() {
        long seed = 4300;
        for (Values values : Values.values()) {
            for (int[] size : new int[][] {{1, 1}, {7, 3}, {33, 33}, {100, 1}, {257, 64}, {5, 9}, {0, 4}, {1000, 512}, {1000, 3}, {5003, 40}}) {
                withInputs(seed++, inputs -> {
                    Tensor scores = inputs.floats(values, Shape.of(2, 11, size[0]));
                    Tensor visible = inputs.ints(0, size[0] + 1, 2, 11);
                    assertSameBits(inputs, new TopEntries(size[1]), scores, visible);
                    assertSameBits(inputs, new TopEntries(size[1]), inputs.view(scores), inputs.view(visible));
                    Tensor runs = runs(inputs, size[0], 2, 11);
                    assertSameBits(inputs, new TopEntries(size[1]), scores, runs);
                    assertSameBits(inputs, new TopEntries(size[1]), inputs.view(scores), inputs.view(runs));
                });
            }
        }
    }

    @Test void tiesGoToTheLowestIndexAndNaNComesLast() {
        try (Arena arena = Arena.ofShared()) {
            float none = Float.NEGATIVE_INFINITY;
            Tensor scores = Tensor.of(arena, Shape.of(1, 4, 6), 0f, -0f, 0f, 0f, -0f, 0f, 1f, Float.NaN, 2f, none, 2f, 9f, Float.NaN, none, Float.NaN, none, -5f, 0f, 3f, 3f, 3f, 3f, 3f, 3f);
            Tensor chosen = runBackend(arena, new TopEntries(3), scores, Tensor.of(arena, Shape.of(1, 4), 6, 5, 5, 2))[0];
            int[] wanted = {0, 1, 2, 0, 2, 4, 0, 1, 4, 0, 1, -1};
            for (int i = 0; i < wanted.length; i++) {
                assertEquals(wanted[i], chosen.data().getAtIndex(JAVA_INT, i), "place " + i);
            }
        }
    }

    /// What lies outside of a query's run, NaN here, is neither scored nor chosen, and takes no part in the loss and its gradient.
    @Test void whatIsOutsideOfEveryRunIsNotThere() {
        withInputs(4450, inputs -> {
            Tensor runs = inputs.ints(40, 41, 1, 9, 2);
            for (int i = 0; i < 9; i++) {
                runs.data().setAtIndex(JAVA_INT, 2 * i + 1, 40 + 10 * i);
            }
            Tensor[] scoring = {inputs.normal(1, 9, 3, 8), inputs.normal(1, 130, 8), inputs.normal(1, 9, 3), runs, inputs.normal(1, 9, 130)};
            Tensor[] loss = {inputs.normal(1, 9, 130), shares(inputs, Values.NORMAL, 1, 9, 130), runs};
            try (Arena arena = Arena.ofShared()) {
                Tensor[] given = runReference(arena, new IndexLoss(false), loss);
                Tensor[] teaching = {loss[0], loss[1], runs, given[1], given[2], inputs.normal(1, 9)};
                assertUntouched(arena, inputs, new IndexScores(), 1, Arrays.copyOf(scoring, 4));
                assertUntouched(arena, inputs, new IndexScoresGrad(), 1, scoring);
                assertUntouched(arena, inputs, new TopEntries(7), 0, loss[0], runs);
                assertUntouched(arena, inputs, new IndexLoss(false), 0, loss);
                assertUntouched(arena, inputs, new IndexLossGrad(false), 0, teaching);
                Tensor scores = runBackend(arena, new IndexScores(), Arrays.copyOf(scoring, 4))[0];
                for (int entry = 0; entry < 130; entry++) {
                    assertEquals(entry < 40 || entry >= 90, scores.getFloat(0, 5, entry) == Float.NEGATIVE_INFINITY, "entry " + entry);
                }
            }
        });
    }

    /// The same bits where NaN replaces the entries before 40 and from 120 on in input 0, scores, or in input 1, keys.
    private void assertUntouched(Arena arena, Inputs inputs, Op op, int input, Tensor... in) {
        Tensor[] wanted = runBackend(arena, op, in);
        Tensor[] spoilt = in.clone();
        spoilt[input] = inputs.copy(in[input]);
        long size = input == 1 ? in[input].shape().last() : 1;
        for (long i = 0; i < in[input].shape().size(); i++) {
            long entry = i / size % 130;
            if (entry < 40 || entry >= 120) {
                spoilt[input].data().setAtIndex(JAVA_FLOAT, i, Float.NaN);
            }
        }
        Tensor[] found = runBackend(arena, op, spoilt);
        for (int i = 0; i < wanted.length; i++) {
            assertEquals(-1, wanted[i].data().mismatch(found[i].data()), op + ", output " + i);
        }
    }

    @Test void lossesGiveTheReferencesBits() {
        long seed = 4400;
        for (Values values : Values.values()) {
            for (int[] size : new int[][] {{1, 1}, {7, 5}, {33, 40}, {130, 16}, {300, 257}}) {
                withInputs(seed++, inputs -> {
                    Tensor scores = inputs.floats(values, Shape.of(2, 9, size[0]));
                    Tensor visible = inputs.ints(0, size[0] + 1, 2, 9);
                    checkLoss(inputs, false, scores, shares(inputs, values, 2, 9, size[0]), visible);
                    checkLoss(inputs, false, scores, shares(inputs, values, 2, 9, size[0]), runs(inputs, size[0], 2, 9));
                    checkLoss(inputs, true, scores, shares(inputs, values, 2, 9, size[1]), JointAttentionContract.choose(inputs, visible, size[1]));
                });
            }
        }
    }

    private void checkLoss(Inputs inputs, boolean gathered, Tensor scores, Tensor share, Tensor seen) {
        assertSameBits(inputs, new IndexLoss(gathered), scores, share, seen);
        assertSameBits(inputs, new IndexLoss(gathered), inputs.view(scores), inputs.view(share), inputs.view(seen));
        try (Arena arena = Arena.ofShared()) {
            Tensor[] given = runReference(arena, new IndexLoss(gathered), scores, share, seen);
            assertSameBits(inputs, new IndexLossGrad(gathered), scores, share, seen, given[1], given[2], inputs.normal(2, 9));
        }
    }

    /// Shares from 0 up, every third 0.
    private static Tensor shares(Inputs inputs, Values values, long... sizes) {
        Tensor shares = inputs.floats(values, Shape.of(sizes));
        for (long i = 0; i < shares.shape().size(); i++) {
            float share = shares.data().getAtIndex(JAVA_FLOAT, i);
            shares.data().setAtIndex(JAVA_FLOAT, i, i % 3 == 0 ? 0 : Math.abs(share));
        }
        return shares;
    }

    @Test void moreVisibleEntriesThanThereAreIsRefusedByName() {
        withInputs(4500, inputs -> {
            var thrown = assertThrows(IndexOutOfBoundsException.class, () -> runBackend(Arena.ofAuto(), new TopEntries(2), inputs.normal(1, 2, 3), inputs.ints(4, 5, 1, 2)));
            assertEquals("query 0 of sequence 0 sees 4 entries, wanted 0 to 3", thrown.getMessage());
            thrown = assertThrows(IndexOutOfBoundsException.class, () -> runBackend(Arena.ofAuto(), new TopEntries(2), inputs.normal(1, 2, 3), inputs.ints(-1, 0, 1, 2, 2)));
            assertEquals("query 0 of sequence 0 sees the entries from -1 to before -1, wanted a run within 0 to 3", thrown.getMessage());
        });
    }

    @Test void allocatesNothing() {
        withInputs(4600, inputs -> {
            Tensor[] in = {inputs.normal(2, 64, 16, 64), inputs.normal(2, 64, 64), inputs.normal(2, 64, 16), inputs.ints(0, 65, 2, 64), inputs.normal(2, 64, 64)};
            if (backend().supports(IndexScores.class)) {
                assertNoGarbage(new IndexScores(), Arrays.copyOf(in, 4));
            }
            if (backend().supports(IndexScoresGrad.class)) {
                assertNoGarbage(new IndexScoresGrad(), in);
            }
            if (backend().supports(IndexLoss.class)) {
                assertNoGarbage(new IndexLoss(false), in[4], shares(inputs, Values.NORMAL, 2, 64, 64), runs(inputs, 64, 2, 64));
            }
            if (backend().supports(TopEntries.class)) {
                assertNoGarbage(new TopEntries(20), in[4], in[3]);
                assertNoGarbage(new TopEntries(20), in[4], runs(inputs, 64, 2, 64));
            }
        });
    }
}
