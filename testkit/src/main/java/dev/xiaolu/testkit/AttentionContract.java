package dev.xiaolu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What every backend's attention keeps, forward and backward: the reference's bits, and for each query the same bits whatever else is in the call.
public abstract class AttentionContract extends OperatorContract {
    /// Which keys the queries of a case see.
    private enum Runs {
        /// All keys up to the query's own, the last query seeing the last key.
        CAUSAL {
            @Override void set(Inputs inputs, Tensor first, Tensor last, int queries, int keys) {
                fill(first, last, queries, query -> 0, query -> keys - queries + query);
            }
        },
        /// As `CAUSAL`, within documents of uneven length.
        DOCUMENTS {
            @Override void set(Inputs inputs, Tensor first, Tensor last, int queries, int keys) {
                int length = Math.max(1, keys / 3 - 5);
                fill(first, last, queries, query -> (keys - queries + query) / length * length, query -> keys - queries + query);
            }
        },
        /// As `CAUSAL`, no further back than 70 keys.
        WINDOW {
            @Override void set(Inputs inputs, Tensor first, Tensor last, int queries, int keys) {
                fill(first, last, queries, query -> Math.max(0, keys - queries + query - 69), query -> keys - queries + query);
            }
        },
        /// Every query sees every key.
        ALL {
            @Override void set(Inputs inputs, Tensor first, Tensor last, int queries, int keys) {
                fill(first, last, queries, query -> 0, query -> keys - 1);
            }
        },
        /// Any run, empty ones among them.
        ANY {
            @Override void set(Inputs inputs, Tensor first, Tensor last, int queries, int keys) {
                Tensor ends = inputs.ints(0, keys + 1, first.shape().axis(0), queries, 2);
                for (int i = 0; i < first.shape().size(); i++) {
                    first.data().setAtIndex(JAVA_INT, i, ends.data().getAtIndex(JAVA_INT, 2 * i));
                    last.data().setAtIndex(JAVA_INT, i, ends.data().getAtIndex(JAVA_INT, 2 * i + 1) - 1);
                }
            }
        };

        abstract void set(Inputs inputs, Tensor first, Tensor last, int queries, int keys);

        private static void fill(Tensor first, Tensor last, int queries, java.util.function.IntUnaryOperator from, java.util.function.IntUnaryOperator to) {
            for (int i = 0; i < first.shape().size(); i++) {
                first.data().setAtIndex(JAVA_INT, i, from.applyAsInt(i % queries));
                last.data().setAtIndex(JAVA_INT, i, to.applyAsInt(i % queries));
            }
        }
    }

    /// The inputs of the forward operator, in its order, and of the backward one.
    private static final class Case {
        final Inputs inputs;
        final Attention op;
        final Tensor[] forward;

        Case(Inputs inputs, Runs runs, Values values, int batch, int queries, int keys, int heads, int kvHeads, int dim) {
            this.inputs = inputs;
            op = new Attention((float) (1 / Math.sqrt(Math.max(1, dim))));
            Tensor first = inputs.ints(0, 1, batch, queries);
            Tensor last = inputs.ints(0, 1, batch, queries);
            runs.set(inputs, first, last, queries, keys);
            forward = new Tensor[] {inputs.floats(values, Shape.of(batch, queries, heads, dim)), inputs.floats(values, Shape.of(batch, keys, kvHeads, dim)),
                inputs.floats(values, Shape.of(batch, keys, kvHeads, dim)), first, last};
        }

        Case asViews() {
            for (int i = 0; i < forward.length; i++) {
                forward[i] = inputs.view(forward[i]);
            }
            return this;
        }
    }

    /// Forward and backward of one case, all of its inputs as given.
    private void check(Case example) {
        assertSameBits(example.inputs, example.op, example.forward);
        try (Arena arena = Arena.ofShared()) {
            assertSameBits(example.inputs, new AttentionGrad(example.op.scale()), backward(arena, example));
        }
    }

    private Tensor[] backward(Arena arena, Case example) {
        Tensor[] given = runReference(arena, example.op, example.forward);
        Tensor dy = example.inputs.floats(Values.NORMAL, given[0].shape());
        if (!example.forward[0].isContiguous()) {
            dy = example.inputs.view(dy);
        }
        Tensor[] all = Arrays.copyOf(example.forward, 9);
        System.arraycopy(given, 0, all, 5, 3);
        all[8] = dy;
        return all;
    }

    @Test void agreesOnEveryKindOfRun() {
        int[][] sizes = {{2, 1, 1, 1, 1, 1}, {1, 7, 7, 3, 3, 5}, {2, 33, 33, 4, 2, 16}, {1, 130, 130, 2, 1, 24}, {1, 200, 333, 3, 1, 40}, {2, 17, 300, 6, 2, 64}, {1, 300, 300, 2, 2, 33}};
        for (int[] size : sizes) {
            for (Runs runs : Runs.values()) {
                withInputs(runs.ordinal() + 10L * size[1], inputs -> check(new Case(inputs, runs, Values.NORMAL, size[0], size[1], size[2], size[3], size[4], size[5])));
            }
        }
    }

    @Test void agreesOnAwkwardWidths() {
        for (int dim : new int[] {1, 2, 15, 17, 31, 32, 48, 63, 65, 80, 96, 128, 129, 255, 256, 257, 300, 600, 1030}) {
            withInputs(dim, inputs -> check(new Case(inputs, Runs.CAUSAL, Values.NORMAL, 1, 21, 21, 2, 2, dim)));
            withInputs(dim, inputs -> check(new Case(inputs, Runs.ALL, Values.NORMAL, 1, 2, 19, 2, 1, dim)));
        }
    }

    @Test void agreesOnTheShapesOfTraining() {
        withInputs(1, inputs -> check(new Case(inputs, Runs.CAUSAL, Values.NORMAL, 1, 512, 512, 2, 2, 64)));
        withInputs(2, inputs -> check(new Case(inputs, Runs.DOCUMENTS, Values.NORMAL, 2, 257, 257, 6, 6, 64)));
    }

    @Test void agreesOnTheShapesOfDecoding() {
        for (int queries : new int[] {1, 2, 3, 5, 12}) {
            withInputs(queries, inputs -> check(new Case(inputs, Runs.CAUSAL, Values.NORMAL, 2, queries, 1500, 4, 2, 64)));
            withInputs(queries, inputs -> check(new Case(inputs, Runs.ANY, Values.NORMAL, 2, queries, 700, 3, 3, 20)));
        }
    }

    @Test void agreesOnViews() {
        for (Runs runs : Runs.values()) {
            withInputs(3, inputs -> check(new Case(inputs, runs, Values.NORMAL, 2, 40, 150, 4, 2, 19).asViews()));
            withInputs(4, inputs -> check(new Case(inputs, runs, Values.NORMAL, 2, 2, 290, 4, 4, 64).asViews()));
        }
    }

    @Test void agreesOnExtremes() {
        for (Values values : Values.values()) {
            for (Runs runs : Runs.values()) {
                withInputs(5, inputs -> check(new Case(inputs, runs, values, 1, 50, 170, 2, 2, 3)));
                withInputs(6, inputs -> check(new Case(inputs, runs, values, 1, 2, 300, 2, 1, 20)));
                withInputs(7, inputs -> check(new Case(inputs, runs, values, 2, 40, 40, 2, 1, 1)));
            }
        }
    }

    @Test void agreesWhereAnAxisIsEmpty() {
        withInputs(8, inputs -> check(new Case(inputs, Runs.ANY, Values.NORMAL, 0, 3, 4, 2, 1, 8)));
        withInputs(9, inputs -> check(new Case(inputs, Runs.ANY, Values.NORMAL, 2, 0, 4, 2, 1, 8)));
        withInputs(10, inputs -> check(new Case(inputs, Runs.ANY, Values.NORMAL, 2, 3, 0, 2, 1, 8)));
        withInputs(11, inputs -> check(new Case(inputs, Runs.ANY, Values.NORMAL, 2, 3, 5, 2, 1, 0)));
    }

    @Test void oneCallOrManyGiveTheSameBits() {
        withInputs(12, inputs -> {
            int length = 300;
            var whole = new Case(inputs, Runs.CAUSAL, Values.NORMAL, 1, length, length, 4, 2, 32);
            try (Arena arena = Arena.ofShared()) {
                for (Backend backend : java.util.List.of(backend(), new Reference())) {
                    Tensor[] prefill = run(arena, backend, whole.op, whole.forward);
                    for (int[] chunk : new int[][] {{0, 1}, {1, 2}, {127, 128}, {128, 129}, {299, 300}, {0, 5}, {5, 130}, {130, 300}}) {
                        Tensor[] part = whole.forward.clone();
                        for (int i : new int[] {0, 3, 4}) {
                            part[i] = part[i].slice(1, chunk[0], chunk[1]);
                        }
                        for (int i : new int[] {1, 2}) {
                            part[i] = part[i].slice(1, 0, chunk[1]);          // a cache that holds no more yet
                        }
                        Tensor[] found = run(arena, backend, whole.op, part);
                        for (int i = 0; i < found.length; i++) {
                            assertArrayEquals(prefill[i].slice(1, chunk[0], chunk[1]).toFloats(), found[i].toFloats(), "output " + i + " of the queries " + Arrays.toString(chunk));
                        }
                    }
                }
            }
        });
    }

    @Test void aRowOfNaNSpoilsNoOther() {
        withInputs(13, inputs -> {
            var example = new Case(inputs, Runs.CAUSAL, Values.NORMAL, 1, 150, 150, 2, 2, 16);
            try (Arena arena = Arena.ofShared()) {
                Tensor[] clean = run(arena, backend(), example.op, example.forward);
                example.forward[0].setFloat(Float.NaN, 0, 70, 1, 3);
                Tensor[] found = run(arena, backend(), example.op, example.forward);
                for (int query = 0; query < 150; query++) {
                    for (int head = 0; head < 2; head++) {
                        for (int c = 0; c < 16; c++) {
                            float wanted = query == 70 && head == 1 ? Float.NaN : clean[0].getFloat(0, query, head, c);
                            assertEquals(wanted, found[0].getFloat(0, query, head, c), "query " + query + " head " + head);
                        }
                    }
                }
            }
        });
    }

    @Test void aScoreOfMinusInfinityWeighsNothing() {
        try (Arena arena = Arena.ofShared()) {
            int keys = 200;
            Tensor q = Tensor.of(arena, Shape.of(1, 1, 1, 1), 1f);
            float[] scores = new float[keys];
            Arrays.fill(scores, 0, 150, Float.NEGATIVE_INFINITY);                // one leaf whole and a part of the next
            float[] values = new float[keys];
            Arrays.fill(values, 0, 150, 7f);
            Arrays.fill(values, 150, keys, 3f);
            Tensor k = Tensor.of(arena, Shape.of(1, keys, 1, 1), scores);
            Tensor v = Tensor.of(arena, Shape.of(1, keys, 1, 1), values);
            Tensor first = Tensor.of(arena, Shape.of(1, 1), 0);
            for (Backend backend : java.util.List.of(backend(), new Reference())) {
                Tensor[] found = run(arena, backend, new Attention(1), q, k, v, first, Tensor.of(arena, Shape.of(1, 1), keys - 1));
                assertEquals(3f, found[0].getFloat(0, 0, 0, 0));
                assertEquals(50f, found[2].getFloat(0, 0, 0));
                Tensor[] none = run(arena, backend, new Attention(1), q, k, v, first, Tensor.of(arena, Shape.of(1, 1), 149));
                assertTrue(Float.isNaN(none[0].getFloat(0, 0, 0, 0)));
                assertEquals(Float.NEGATIVE_INFINITY, none[1].getFloat(0, 0, 0));
            }
        }
    }

    @Test void aRunOutsideTheKeysIsRefusedByName() {
        withInputs(14, inputs -> {
            var example = new Case(inputs, Runs.CAUSAL, Values.NORMAL, 2, 5, 5, 1, 1, 4);
            example.forward[4].data().setAtIndex(JAVA_INT, 8, 5);
            try (Arena arena = Arena.ofShared()) {
                for (Backend backend : java.util.List.of(backend(), new Reference())) {
                    var thrown = assertThrows(IndexOutOfBoundsException.class, () -> run(arena, backend, example.op, example.forward));
                    assertEquals("query 3 of sequence 1 sees the keys 0 to 5, there are 5, 0 to 4", thrown.getMessage());
                }
            }
        });
    }

    @Test void allocatesNothing() {
        withInputs(15, inputs -> {
            var example = new Case(inputs, Runs.DOCUMENTS, Values.NORMAL, 2, 200, 200, 3, 3, 64);
            assertNoGarbage(example.op, example.forward);
            assertNoGarbage(example.op, new Case(inputs, Runs.CAUSAL, Values.NORMAL, 1, 1, 900, 3, 3, 64).forward);
            if (backend().supports(AttentionGrad.class)) {
                try (Arena arena = Arena.ofShared()) {
                    assertNoGarbage(new AttentionGrad(example.op.scale()), backward(arena, example));
                }
            }
        });
    }

    private static Tensor[] run(Arena arena, Backend backend, Op op, Tensor... inputs) {
        Tensor[] outputs = op.infer(Arrays.stream(inputs).map(Tensor::type).toList()).stream()
                .map(type -> Tensor.zeros(arena, type.dtype(), type.shape())).toArray(Tensor[]::new);
        for (Tensor output : outputs) {
            IntStream.range(0, (int) output.shape().size()).forEach(i -> output.data().setAtIndex(JAVA_FLOAT, i, Float.NaN));
        }
        backend.run(op, inputs, outputs);
        return outputs;
    }
}
