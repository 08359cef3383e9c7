package dev.xiaolu.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.FiniteDifferences.Case;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every row of the table of gradients against central differences of the same formula in double precision.
class GradientsTest {
    static Stream<Case> cases() {
        return Stream.of(
                new Case("add", new Add(), 2, in -> new Tensor[] {in.normal(3, 5), in.normal(3, 5)}),
                new Case("product", new MatMul(false, false), 2, in -> new Tensor[] {in.normal(4, 7), in.normal(7, 5)}),
                new Case("product, b transposed", new MatMul(false, true), 2, in -> new Tensor[] {in.normal(2, 4, 7), in.normal(5, 7)}),
                new Case("product, a transposed", new MatMul(true, false), 2, in -> new Tensor[] {in.normal(7, 4), in.normal(7, 5)}),
                new Case("product, both transposed", new MatMul(true, true), 2, in -> new Tensor[] {in.normal(7, 4), in.normal(5, 7)}),
                new Case("batch of products", new MatMul(false, false), 2, in -> new Tensor[] {in.normal(3, 4, 6), in.normal(3, 6, 5)}),
                new Case("batch of products, b transposed", new MatMul(false, true), 2, in -> new Tensor[] {in.normal(3, 4, 6), in.normal(3, 5, 6)}),
                new Case("batch of products, a transposed", new MatMul(true, false), 2, in -> new Tensor[] {in.normal(3, 6, 4), in.normal(3, 6, 5)}),
                new Case("factor", new Scale(-0.37f), 1, in -> new Tensor[] {in.normal(3, 5)}),
                new Case("norm", new RmsNorm(1e-5f), 2, in -> new Tensor[] {in.normal(4, 9), in.normal(9)}),
                new Case("rotation", new Rope(false), 1, in -> new Tensor[] {in.normal(3, 2, 6), in.normal(8, 6), in.ints(0, 8, 3)}),
                new Case("rotation back", new Rope(true), 1, in -> new Tensor[] {in.normal(3, 2, 6), in.normal(8, 6), in.ints(0, 8, 3)}),
                new Case("gate", new SwiGlu(), 2, in -> new Tensor[] {in.normal(3, 11), in.normal(3, 11)}),
                new Case("embedding", new Embed(), 1, in -> new Tensor[] {in.normal(6, 4), in.ints(0, 6, 9)}),
                new Case("cross-entropy", new CrossEntropy(), 1, in -> new Tensor[] {in.normal(5, 13), in.ints(-1, 13, 5)}),
                new Case("compression", new Compress(5, false, false), 3, in -> new Tensor[] {in.normal(2, 13, 3), in.normal(2, 13, 3), in.normal(5, 3)}),
                new Case("overlapping compression", new Compress(4, true, false), 3, in -> new Tensor[] {in.normal(2, 14, 6), in.normal(2, 14, 6), in.normal(4, 6)}),
                new Case("continued compression", new Compress(4, true, true), 3, in -> new Tensor[] {in.normal(2, 14, 6), in.normal(2, 14, 6), in.normal(4, 6)}),
                new Case("compression within documents", new Compress(4, true, false), 3, in -> new Tensor[] {in.normal(2, 14, 6), in.normal(2, 14, 6), in.normal(4, 6), documents(in)}),
                new Case("Hadamard rotation", new Hadamard(), 1, in -> new Tensor[] {in.normal(3, 2, 16)}),
                new Case("rotation of pairs", new RopePairs(false), 1, in -> new Tensor[] {in.normal(3, 2, 7), in.normal(8, 4), in.ints(0, 8, 3)}),
                new Case("rotation of pairs back", new RopePairs(true), 1, in -> new Tensor[] {in.normal(3, 2, 6), in.normal(8, 6), in.ints(0, 8, 3)}),
                new Case("joint attention", new JointAttention(0.4f, false), 4, in -> joint(in, false)),
                new Case("joint attention, gathered", new JointAttention(0.4f, true), 4, in -> joint(in, true)),
                new Case("joint attention over runs of entries", new JointAttention(0.4f, false), 4, in -> ofRuns(in, 7, joint(in, false))),
                new Case("indexer scores of runs", new IndexScores(), 3, in -> ofRuns(in, 3, in.normal(2, 5, 3, 4), in.normal(2, 6, 4), in.normal(2, 5, 3), null)),
                new Case("indexer loss over runs", new IndexLoss(false), 1, in -> ofRuns(in, 2, in.normal(2, 5, 6), shares(in, 2, 5, 6), null)),
                new Case("indexer scores", new IndexScores(), 3, in -> new Tensor[] {in.normal(2, 5, 3, 4), in.normal(2, 6, 4), in.normal(2, 5, 3), in.ints(0, 7, 2, 5)}),
                new Case("indexer loss", new IndexLoss(false), 1, in -> new Tensor[] {in.normal(2, 5, 6), shares(in, 2, 5, 6), in.ints(0, 7, 2, 5)}),
                new Case("indexer loss, gathered", new IndexLoss(true), 1, in -> new Tensor[] {in.normal(2, 5, 6), shares(in, 2, 5, 4), chosen(in, 2, 5, 4, 6)}),
                new Case("mean", new Mean(3), 1, in -> new Tensor[] {in.normal(12)}),
                new Case("causal attention, grouped heads", new Attention(0.4f), 3, in -> attention(in, 2, 6, 4, 2, 6, false)),
                new Case("attention in documents", new Attention(0.5f), 3, in -> attention(in, 1, 9, 2, 2, 4, true)));
    }

    private static Tensor[] attention(Inputs in, int batch, int length, int heads, int kvHeads, int dim, boolean documents) {
        Tensor first = in.ints(0, 1, batch, length);
        Tensor last = in.ints(0, 1, batch, length);
        for (int i = 0; i < batch * length; i++) {
            int position = i % length;
            first.data().setAtIndex(ValueLayout.JAVA_INT, i, documents && position >= length / 2 ? length / 2 : 0);
            last.data().setAtIndex(ValueLayout.JAVA_INT, i, position);
        }
        return new Tensor[] {in.normal(batch, length, heads, dim), in.normal(batch, length, kvHeads, dim), in.normal(batch, length, kvHeads, dim), first, last};
    }

    /// Raw keys in a ring, windows of four; some queries see no entry.
    private static Tensor[] joint(Inputs in, boolean gathered) {
        Tensor first = in.ints(0, 1, 2, 5);
        Tensor last = in.ints(0, 1, 2, 5);
        for (int i = 0; i < 10; i++) {
            first.data().setAtIndex(ValueLayout.JAVA_INT, i, i % 5);
            last.data().setAtIndex(ValueLayout.JAVA_INT, i, i % 5 + 3);
        }
        Tensor seen = gathered ? chosen(in, 2, 5, 4, 6) : in.ints(0, 7, 2, 5);
        return new Tensor[] {in.normal(2, 5, 3, 4), in.normal(2, 7, 4), in.normal(2, 6, 4), in.normal(3), first, last, in.ints(0, 300, 2), seen};
    }

    /// The same with runs of the six entries as input `at`; some are empty.
    private static Tensor[] ofRuns(Inputs in, int at, Tensor... given) {
        Tensor runs = in.ints(0, 5, 2, 5, 2);
        for (int i = 0; i < 20; i += 2) {
            int first = runs.data().getAtIndex(ValueLayout.JAVA_INT, i);
            runs.data().setAtIndex(ValueLayout.JAVA_INT, i + 1, Math.min(6, first + runs.data().getAtIndex(ValueLayout.JAVA_INT, i + 1)));
        }
        given[at] = runs;
        return given;
    }

    /// What three entries of four tokens may pool from on, of two sequences: nothing of the window before, a part of it, all.
    private static Tensor documents(Inputs in) {
        Tensor since = in.ints(0, 1, 2, 3);
        int[] tokens = {0, 4, 6, 0, 1, 0};
        for (int i = 0; i < tokens.length; i++) {
            since.data().setAtIndex(ValueLayout.JAVA_INT, i, tokens[i]);
        }
        return since;
    }

    /// Each entry with an even chance, as far as there are places.
    private static Tensor chosen(Inputs in, int batch, int queries, int places, int entries) {
        Tensor drawn = in.ints(0, 2, batch, queries, entries);
        Tensor chosen = in.ints(-1, 0, batch, queries, places);
        for (int query = 0; query < batch * queries; query++) {
            int place = 0;
            for (int entry = 0; entry < entries && place < places; entry++) {
                if (drawn.data().getAtIndex(ValueLayout.JAVA_INT, query * entries + entry) == 1) {
                    chosen.data().setAtIndex(ValueLayout.JAVA_INT, query * places + place++, entry);
                }
            }
        }
        return chosen;
    }

    /// What a teacher may say: nothing below 0, some of it 0.
    private static Tensor shares(Inputs in, long... sizes) {
        Tensor shares = in.normal(sizes);
        for (long i = 0; i < shares.shape().size(); i++) {
            shares.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, Math.max(0, shares.data().getAtIndex(ValueLayout.JAVA_FLOAT, i)) / 3);
        }
        return shares;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithFiniteDifferences(Case example) {
        FiniteDifferences.check(example);
    }

    @Test void aWeightUsedTwiceGetsTheSumOnce() {
        onTape(1, (in, arena) -> {
            Tensor weight = in.normal(4, 4);
            Tensor x = in.normal(3, 4);
            var tape = new Tape(List.of(new Parameter("w", weight)), 1);
            Tensor y = Compute.recording(tape, () -> {
                Tensor h = Compute.one(new MatMul(false, true), x, weight);
                return Compute.one(new MatMul(false, true), h, weight);
            });
            List<Tensor> given = new ArrayList<>();
            Tensor seed = in.normal(3, 4);
            tape.backward(y, seed, (_, gradient) -> given.add(FiniteDifferences.copy(arena, gradient)));
            assertEquals(1, given.size());
            Tensor h = Compute.one(new MatMul(false, true), x, weight);
            Tensor second = Compute.one(new MatMul(true, false), seed, h);
            Tensor ofH = Compute.one(new MatMul(false, false), seed, weight);
            Tensor firstUse = Compute.one(new MatMul(true, false), ofH, x);
            assertEquals(List.of(boxed(Compute.one(new Add(), second, firstUse))), List.of(boxed(given.getFirst())));
        });
    }

    @Test void eachLeafHasAGradientOfItsOwn() {
        onTape(2, (in, arena) -> {
            Tensor weight = in.normal(5, 6);
            Tensor gain = in.normal(6);
            Tensor x = in.normal(4, 3, 6);
            List<List<Float>> together = gradientsOfLeaves(arena, weight, gain, x, 2);
            List<List<Float>> apart = new ArrayList<>();
            apart.addAll(gradientsOfLeaves(arena, weight, gain, x.slice(0, 0, 2), 1));
            apart.addAll(gradientsOfLeaves(arena, weight, gain, x.slice(0, 2, 4), 1));
            for (int parameter = 0; parameter < 2; parameter++) {
                List<Float> both = new ArrayList<>(apart.get(parameter));
                both.addAll(apart.get(2 + parameter));
                assertEquals(both, together.get(parameter), "the same bits alone and together");
            }
        });
    }

    private static List<List<Float>> gradientsOfLeaves(Arena arena, Tensor weight, Tensor gain, Tensor x, int leaves) {
        var tape = new Tape(List.of(new Parameter("weight", weight), new Parameter("gain", gain)), leaves);
        Tensor y = Compute.recording(tape, () -> Compute.one(new MatMul(false, true), Compute.one(new RmsNorm(1e-5f), x, gain), weight));
        Tensor seed = Tensor.zeros(arena, DType.F32, y.shape());
        for (long i = 0; i < y.shape().size(); i++) {
            seed.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        Map<String, List<Float>> found = new HashMap<>();
        tape.backward(y, seed, (parameter, gradient) -> {
            assertEquals(parameter.shape().prepend(leaves), gradient.shape());
            found.put(parameter.name(), boxed(gradient));
        });
        return List.of(found.get("weight"), found.get("gain"));
    }

    @Test void aChoiceMadeOfTapedValuesStopsTheTape() {
        onTape(3, (in, arena) -> {
            Tensor weight = in.normal(1, 2, 5);
            Tensor visible = in.ints(5, 6, 1, 2);
            var tape = new Tape(List.of(new Parameter("w", weight)), 1);
            Tensor y = Compute.recording(tape, () -> {
                Tensor chosen = Compute.one(new TopEntries(3), weight, visible);
                Compute.one(new TopEntries(1), weight.slice(1, 1, 2), visible.slice(1, 1, 2));
                Tensor q = in.normal(1, 2, 2, 4);
                Tensor share = Compute.one(new AttentionShare(0.5f, true), q, in.normal(1, 5, 4), in.normal(1, 2, 2), in.normal(1, 2, 2), chosen);
                return Compute.run(new IndexLoss(true), weight, share, chosen)[0];
            });
            List<Tensor> given = new ArrayList<>();
            tape.backward(y, in.normal(1, 2), (_, gradient) -> given.add(FiniteDifferences.copy(arena, gradient)));
            assertEquals(List.of(Shape.of(1, 1, 2, 5)), given.stream().map(Tensor::shape).toList());
        });
    }

    @Test void sinksAndGateBiasesHaveAGradientForEachLeaf() {
        onTape(4, (in, arena) -> {
            Tensor[] joint = joint(in, false);
            Tensor[] compress = {in.normal(2, 9, 6), in.normal(2, 9, 6), in.normal(4, 6)};
            for (Tensor[] inputs : List.of(joint, compress)) {
                int parameter = inputs == joint ? 3 : 2;
                Op op = inputs == joint ? new JointAttention(0.5f, false) : new Compress(4, true, false);
                List<Float> apart = new ArrayList<>(gradientsOfParameter(arena, op, inputs, parameter, 0, 1));
                apart.addAll(gradientsOfParameter(arena, op, inputs, parameter, 1, 2));
                assertEquals(apart, gradientsOfParameter(arena, op, inputs, parameter, 0, 2), "the same bits alone and together");
            }
        });
    }

    /// The gradient of one input over the sequences `from` to `to` of the others, each a leaf of work.
    private static List<Float> gradientsOfParameter(Arena arena, Op op, Tensor[] inputs, int parameter, int from, int to) {
        var tape = new Tape(List.of(new Parameter("one", inputs[parameter])), to - from);
        Tensor[] part = inputs.clone();
        for (int i = 0; i < part.length; i++) {
            part[i] = i == parameter ? inputs[i] : inputs[i].slice(0, from, to);
        }
        Tensor y = Compute.recording(tape, () -> Compute.run(op, part)[0]);
        Tensor seed = Tensor.zeros(arena, DType.F32, y.shape());
        seed.data().fill((byte) 0x3F);                           // 0.747 everywhere
        List<Float> found = new ArrayList<>();
        tape.backward(y, seed, (_, gradient) -> found.addAll(boxed(gradient)));
        assertEquals((to - from) * inputs[parameter].shape().size(), found.size());
        return found;
    }

    @Test void aSliceOfATapedValueIsRefused() {
        onTape(1, (in, _) -> {
            Tensor weight = in.normal(4, 4);
            var tape = new Tape(List.of(new Parameter("w", weight)), 1);
            var thrown = assertThrows(IllegalArgumentException.class,
                    () -> Compute.recording(tape, () -> Compute.one(new Add(), weight.slice(0, 1, 2), weight.slice(0, 2, 3))));
            assertTrue(thrown.getMessage().contains("slice of a taped value"), thrown.getMessage());
        });
    }

    @Test void anUntakenBranchGivesNothing() {
        onTape(1, (in, _) -> {
            Tensor used = in.normal(2, 2);
            Tensor unused = in.normal(2, 2);
            var tape = new Tape(List.of(new Parameter("used", used), new Parameter("unused", unused)), 1);
            Tensor y = Compute.recording(tape, () -> {
                Compute.one(new Add(), unused, used);
                return Compute.one(new Add(), used, used);
            });
            Map<String, List<Float>> found = new HashMap<>();
            tape.backward(y, Tensor.of(Arena.ofAuto(), Shape.of(2, 2), 1f, 2f, 3f, 4f), (parameter, gradient) -> found.put(parameter.name(), boxed(gradient)));
            assertEquals(Map.of("used", List.of(2f, 4f, 6f, 8f)), found);
        });
    }

    private interface Body {
        void run(Inputs in, Arena arena);
    }

    private static void onTape(long seed, Body body) {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch()) {
            Compute.call(backend, scratch, () -> {
                body.run(new Inputs(arena, seed), arena);
                return null;
            });
        }
    }

    private static List<Float> boxed(Tensor tensor) {
        List<Float> values = new ArrayList<>();
        for (float value : tensor.toFloats()) {
            values.add(value);
        }
        return values;
    }
}
