package dev.xiaolu.testkit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What every backend's joint attention keeps, forward, backward and as a teacher: the reference's bits, and for each query the same bits whatever else is in the call.
public abstract class JointAttentionContract extends OperatorContract {
    /// Sizes of a case. Queries are the last ones of a sequence of `rows` raw keys, each sees the last `window` of them and the entries of whole windows of `ratio`.
    ///
    /// @param places entries chosen of those visible, 0 where all are seen
    /// @param origin position of the first raw key
    private record Sizes(int batch, int queries, int rows, int heads, int dim, int window, int ratio, int places, int origin) {
        static Sizes of(int... sizes) {
            return new Sizes(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8]);
        }

        int entries() {
            return ratio == 0 ? 0 : (origin + rows) / ratio;
        }
    }

    /// The inputs of one case of the forward operator, in its order.
    private static final class Case {
        final Inputs inputs;
        final JointAttention op;
        final Tensor[] forward;

        Case(Inputs inputs, Values values, Sizes sizes) {
            this.inputs = inputs;
            op = new JointAttention((float) (1 / Math.sqrt(Math.max(1, sizes.dim))), sizes.places > 0);
            Tensor first = inputs.ints(0, 1, sizes.batch, sizes.queries);
            Tensor last = inputs.ints(0, 1, sizes.batch, sizes.queries);
            Tensor visible = inputs.ints(0, 1, sizes.batch, sizes.queries);
            for (int i = 0; i < sizes.batch * sizes.queries; i++) {
                int index = sizes.rows - sizes.queries + i % sizes.queries;
                first.data().setAtIndex(JAVA_INT, i, Math.max(0, index - sizes.window + 1));
                last.data().setAtIndex(JAVA_INT, i, index);
                visible.data().setAtIndex(JAVA_INT, i, sizes.ratio == 0 ? 0 : (sizes.origin + index + 1) / sizes.ratio);
            }
            forward = new Tensor[] {inputs.floats(values, Shape.of(sizes.batch, sizes.queries, sizes.heads, sizes.dim)), inputs.floats(values, Shape.of(sizes.batch, sizes.rows, sizes.dim)),
                inputs.floats(values, Shape.of(sizes.batch, sizes.entries(), sizes.dim)), inputs.floats(values, Shape.of(sizes.heads)), first, last,
                inputs.ints(sizes.origin, sizes.origin + 1, sizes.batch), sizes.places > 0 ? choose(inputs, visible, sizes.places) : visible};
        }

        /// Any runs, empty and wrapping ones among them, any number of entries or any choice of them.
        Case anywhere() {
            int rows = (int) forward[1].shape().axis(1);
            int entries = (int) forward[2].shape().axis(1);
            Tensor drawn = inputs.ints(0, 1 << 30, forward[4].shape().size(), 3);
            for (int i = 0; i < forward[4].shape().size(); i++) {
                int from = rows == 0 ? 0 : drawn.getInt(i, 0) % rows;
                forward[4].data().setAtIndex(JAVA_INT, i, from);
                forward[5].data().setAtIndex(JAVA_INT, i, from + drawn.getInt(i, 1) % (rows + 1) - 1);
                if (!op.gathered()) {
                    forward[7].data().setAtIndex(JAVA_INT, i, drawn.getInt(i, 2) % (entries + 1));
                }
            }
            return this;
        }

        /// The same queries with runs of entries instead of the first so many: any, empty ones among them.
        Case ofRuns() {
            forward[7] = runs(inputs, (int) forward[2].shape().axis(1), forward[4].shape().axis(0), forward[4].shape().axis(1));
            return this;
        }

        /// The same queries in documents of `length` tokens, counted from position 0: each sees raw keys and whole windows of its own.
        Case inDocuments(Sizes sizes, int length) {
            Tensor runs = inputs.ints(0, 1, sizes.batch, sizes.queries, 2);
            for (int i = 0; i < sizes.batch * sizes.queries; i++) {
                int position = sizes.origin + sizes.rows - sizes.queries + i % sizes.queries;
                int start = position / length * length;
                int end = (position + 1) / sizes.ratio;
                forward[4].data().setAtIndex(JAVA_INT, i, Math.max(forward[4].data().getAtIndex(JAVA_INT, i), start - sizes.origin));
                runs.data().setAtIndex(JAVA_INT, 2 * i, Math.min(end, (start + sizes.ratio - 1) / sizes.ratio));
                runs.data().setAtIndex(JAVA_INT, 2 * i + 1, end);
            }
            forward[7] = runs;
            return this;
        }

        Case asViews() {
            for (int i = 0; i < forward.length; i++) {
                forward[i] = inputs.view(forward[i]);
            }
            return this;
        }
    }

    /// Any runs of the first `entries` entries, empty ones among them, `[batch, queries, 2]`.
    static Tensor runs(Inputs inputs, int entries, long batch, long queries) {
        Tensor runs = inputs.ints(0, entries + 1, batch, queries, 2);
        for (long i = 0; i < 2 * batch * queries; i += 2) {
            int one = runs.data().getAtIndex(JAVA_INT, i);
            int other = runs.data().getAtIndex(JAVA_INT, i + 1);
            runs.data().setAtIndex(JAVA_INT, i, Math.min(one, other));
            runs.data().setAtIndex(JAVA_INT, i + 1, Math.max(one, other));
        }
        return runs;
    }

    /// Any choice of the visible entries: each taken with a chance that fills most of the places.
    static Tensor choose(Inputs inputs, Tensor visible, int places) {
        long queries = visible.shape().size();
        Tensor chosen = inputs.ints(-1, 0, visible.shape().axis(0), visible.shape().axis(1), places);
        Tensor drawn = inputs.ints(0, 1 << 20, queries, Math.max(1, places));
        for (int query = 0; query < queries; query++) {
            int seen = visible.data().getAtIndex(JAVA_INT, query);
            int entry = -1;
            for (int place = 0; place < places; place++) {
                entry += 1 + drawn.getInt(query, place) % Math.max(1, 2 * seen / places);
                if (entry >= seen) {
                    break;
                }
                chosen.data().setAtIndex(JAVA_INT, (long) query * places + place, entry);
            }
        }
        return chosen;
    }

    /// Forward, backward and share of one case, all of its inputs as given.
    private void check(Case example) {
        assertSameBits(example.inputs, example.op, example.forward);
        try (Arena arena = Arena.ofShared()) {
            Tensor[] all = backward(arena, example);
            for (int leaves : new int[] {1, 2}) {
                if (all[0].shape().axis(0) % leaves == 0) {
                    assertSameBits(example.inputs, new JointAttentionGrad(example.op.scale(), example.op.gathered(), leaves), all);
                }
            }
            assertSameBits(example.inputs, new AttentionShare(example.op.scale(), example.op.gathered()), all[0], all[2], all[9], all[10], all[7]);
        }
    }

    private Tensor[] backward(Arena arena, Case example) {
        Tensor[] given = runReference(arena, example.op, example.forward);
        Tensor dy = example.inputs.floats(Values.NORMAL, given[0].shape());
        Tensor[] all = Arrays.copyOf(example.forward, 12);
        System.arraycopy(given, 0, all, 8, 3);
        all[11] = example.forward[0].isContiguous() ? dy : example.inputs.view(dy);
        return all;
    }

    private void checkAll(int[]... sizes) {
        for (int[] each : sizes) {
            withInputs(Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each))));
        }
    }

    @Test void agreesOnWindowsAlone() {
        checkAll(new int[][] {{2, 1, 1, 1, 1, 1, 0, 0, 0}, {2, 33, 33, 4, 16, 8, 0, 0, 0}, {1, 150, 150, 3, 17, 128, 0, 0, 0}, {1, 5, 200, 4, 64, 128, 0, 0, 4097}});
    }

    @Test void agreesOnEntriesOfEveryRatio() {
        checkAll(new int[][] {{2, 33, 33, 4, 16, 8, 4, 0, 0}, {1, 140, 140, 2, 24, 32, 1, 0, 0}, {1, 300, 300, 4, 33, 128, 32, 0, 0}, {2, 7, 40, 5, 20, 16, 4, 0, 1000}, {1, 3, 140, 70, 9, 128, 4, 0, 2000}});
    }

    /// Few rows and more leaves of entries than fit a few threads: one whole leaf and parts of one, numbers of leaves that are no power of two, rows that see different numbers of them, none among them.
    @Test void agreesWhereFewRowsSeeManyEntries() {
        for (int entries : new int[] {128, 129, 255, 257, 640, 1300, 2049, 4500}) {
            checkAll(new int[][] {{1, 1, 5, 3, 16, 4, 1, 0, entries - 5}, {1, 1, 5, 18, 9, 4, 1, 0, entries - 5}});
        }
        for (int seed = 0; seed < 4; seed++) {
            for (int[] each : new int[][] {{1, 3, 3, 2, 20, 1, 1, 0, 2500}, {3, 1, 2, 4, 8, 1, 1, 0, 1100}, {2, 5, 6, 5, 12, 1, 1, 0, 700}}) {
                withInputs(31 * seed + Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).anywhere()));
                withInputs(37 * seed + Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).anywhere().ofRuns()));
            }
        }
        for (Values values : Values.values()) {
            withInputs(9, inputs -> check(new Case(inputs, values, Sizes.of(1, 1, 7, 2, 5, 3, 1, 0, 900)).asViews()));
        }
    }

    @Test void agreesOnGatheredEntries() {
        checkAll(new int[][] {{2, 33, 33, 4, 16, 8, 4, 3, 0}, {1, 140, 140, 2, 24, 32, 1, 16, 0}, {1, 20, 20, 3, 40, 8, 4, 140, 2000}, {2, 7, 40, 5, 20, 16, 4, 9, 1000}, {1, 3, 140, 70, 9, 128, 4, 300, 2000}});
    }

    @Test void agreesOnRunsOfEntries() {
        for (int[] each : new int[][] {{2, 33, 33, 4, 16, 8, 4, 0, 0}, {1, 140, 140, 2, 24, 32, 1, 0, 0}, {1, 50, 300, 3, 20, 40, 1, 0, 500}, {1, 300, 300, 4, 33, 128, 32, 0, 0}, {1, 3, 140, 70, 9, 128, 4, 0, 2000},
            {2, 1, 1, 1, 1, 1, 1, 0, 0}}) {
            withInputs(Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).ofRuns()));
            withInputs(Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).anywhere().ofRuns().asViews()));
        }
    }

    @Test void agreesOnPackedDocuments() {
        for (int[] each : new int[][] {{2, 33, 33, 4, 16, 8, 4, 0, 0}, {1, 140, 140, 2, 24, 32, 1, 0, 0}, {1, 260, 260, 3, 17, 40, 1, 0, 900}}) {
            for (int length : new int[] {1, 7, 15, 17, 129, 1000}) {
                withInputs(Arrays.hashCode(each) + length, inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).inDocuments(Sizes.of(each), length)));
            }
        }
        Sizes training = Sizes.of(1, 512, 512, 2, 64, 32, 4, 0, 0);
        withInputs(20, inputs -> check(new Case(inputs, Values.NORMAL, training).inDocuments(training, 129)));
    }

    @Test void aRunFromTheFirstEntryOnIsTheFirstSoMany() {
        withInputs(17, inputs -> {
            var example = new Case(inputs, Values.NORMAL, Sizes.of(2, 150, 150, 3, 20, 30, 1, 0, 0));
            Tensor runs = inputs.ints(0, 1, 2, 150, 2);
            for (int i = 0; i < 300; i++) {
                runs.data().setAtIndex(JAVA_INT, 2 * i + 1, example.forward[7].data().getAtIndex(JAVA_INT, i));
            }
            try (Arena arena = Arena.ofShared()) {
                Tensor[] counted = backward(arena, example);
                Tensor[] run = counted.clone();
                run[7] = runs;
                for (Backend backend : List.of(backend(), new Reference())) {
                    assertSame(arena, backend, example.op, Arrays.copyOf(counted, 8), Arrays.copyOf(run, 8));
                    assertSame(arena, backend, new JointAttentionGrad(example.op.scale(), false, 2), counted, run);
                    var share = new AttentionShare(example.op.scale(), false);
                    assertSame(arena, backend, share, new Tensor[] {counted[0], counted[2], counted[9], counted[10], counted[7]}, new Tensor[] {counted[0], counted[2], counted[9], counted[10], runs});
                }
            }
        });
    }

    private static void assertSame(Arena arena, Backend backend, Op op, Tensor[] one, Tensor[] other) {
        Tensor[] wanted = run(arena, backend, op, one);
        Tensor[] found = run(arena, backend, op, other);
        for (int i = 0; i < wanted.length; i++) {
            assertArrayEquals(wanted[i].toFloats(), found[i].toFloats(), op + ", output " + i);
        }
    }

    /// Entries outside of every run, NaN here, change no bit, and nothing flows back into them.
    @Test void whatIsOutsideOfEveryRunIsNotThere() {
        withInputs(18, inputs -> {
            Sizes sizes = Sizes.of(1, 150, 150, 3, 20, 30, 1, 0, 0);
            var example = new Case(inputs, Values.NORMAL, sizes);
            example.forward[7] = inputs.ints(40, 41, 1, 150, 2);
            for (int i = 0; i < 150; i++) {
                example.forward[7].data().setAtIndex(JAVA_INT, 2 * i + 1, Math.max(40, i - 5));
            }
            try (Arena arena = Arena.ofShared()) {
                Tensor[] all = backward(arena, example);
                Tensor[] spoilt = all.clone();
                spoilt[2] = inputs.copy(all[2]);
                for (int entry = 0; entry < 150; entry++) {
                    spoilt[2].setFloat(entry < 40 || entry >= 144 ? Float.NaN : all[2].getFloat(0, entry, 3), 0, entry, 3);
                }
                for (Backend backend : List.of(backend(), new Reference())) {
                    assertSame(arena, backend, example.op, Arrays.copyOf(all, 8), Arrays.copyOf(spoilt, 8));
                    assertSame(arena, backend, new JointAttentionGrad(example.op.scale(), false, 1), all, spoilt);
                    assertSame(arena, backend, new AttentionShare(example.op.scale(), false), new Tensor[] {all[0], all[2], all[9], all[10], all[7]},
                            new Tensor[] {all[0], spoilt[2], all[9], all[10], all[7]});
                    Tensor dentries = run(arena, backend, new JointAttentionGrad(example.op.scale(), false, 1), spoilt)[2];
                    assertArrayEquals(new float[40 * 20], dentries.slice(1, 0, 40).toFloats());
                    assertArrayEquals(new float[6 * 20], dentries.slice(1, 144, 150).toFloats());
                }
            }
        });
    }

    @Test void agreesOnTheShapesOfTraining() {
        checkAll(new int[][] {{1, 512, 512, 4, 128, 32, 128, 0, 0}, {2, 260, 260, 4, 64, 128, 4, 16, 0}});
    }

    @Test void agreesOnAwkwardWidths() {
        for (int dim : new int[] {1, 2, 15, 17, 31, 32, 48, 63, 65, 96, 129, 255, 256, 257, 512, 600}) {
            checkAll(new int[][] {{1, 12, 12, 3, dim, 5, 2, 0, 130}, {1, 5, 12, 3, dim, 5, 2, 4, 0}});
        }
    }

    @Test void agreesWhereRunsWrapAndAnythingIsSeen() {
        for (int[] each : new int[][] {{2, 40, 150, 3, 16, 1, 1, 0, 77}, {1, 50, 20, 4, 24, 1, 1, 12, 500}, {1, 3, 300, 2, 20, 1, 2, 0, 3000}}) {
            withInputs(Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).anywhere()));
            withInputs(Arrays.hashCode(each), inputs -> check(new Case(inputs, Values.NORMAL, Sizes.of(each)).anywhere().asViews()));
        }
    }

    @Test void agreesOnExtremes() {
        for (Values values : Values.values()) {
            for (int places : new int[] {0, 7}) {
                withInputs(5, inputs -> check(new Case(inputs, values, Sizes.of(1, 50, 140, 2, 3, 70, 2, places, 0))));
                withInputs(6, inputs -> check(new Case(inputs, values, Sizes.of(2, 9, 20, 3, 20, 6, 1, places, 150)).anywhere()));
                withInputs(7, inputs -> check(new Case(inputs, values, Sizes.of(2, 40, 40, 1, 1, 16, 4, places, 0))));
            }
            withInputs(19, inputs -> check(new Case(inputs, values, Sizes.of(2, 50, 140, 2, 3, 70, 1, 0, 30)).ofRuns()));
        }
    }

    @Test void agreesWhereAnAxisIsEmpty() {
        for (int places : new int[] {0, 3}) {
            checkAll(new int[][] {{0, 3, 4, 2, 8, 2, 1, places, 0}, {2, 0, 4, 2, 8, 2, 1, places, 0}, {2, 3, 5, 2, 0, 2, 1, places, 0}, {2, 3, 5, 0, 8, 2, 1, places, 0}});
            withInputs(8, inputs -> {
                var blind = new Case(inputs, Values.NORMAL, Sizes.of(2, 3, 3, 2, 8, 2, 0, places, 0));
                blind.forward[1] = inputs.normal(2, 0, 8);
                for (int i = 0; i < 6; i++) {
                    blind.forward[4].data().setAtIndex(JAVA_INT, i, 0);
                    blind.forward[5].data().setAtIndex(JAVA_INT, i, -1);
                }
                check(blind);
            });
        }
    }

    /// Prefill, any chunks of it and single steps, with all raw keys, with a slice of them and with a ring.
    @Test void oneCallOrManyGiveTheSameBits() {
        for (int places : new int[] {0, 9}) {
            withInputs(12 + places, inputs -> {
                int length = 300;
                int window = 70;
                int ratio = 2;
                var whole = new Case(inputs, Values.NORMAL, Sizes.of(1, length, length, 3, 32, window, ratio, places, 0));
                try (Arena arena = Arena.ofShared()) {
                    for (Backend backend : List.of(backend(), new Reference())) {
                        Tensor[] prefill = run(arena, backend, whole.op, whole.forward);
                        for (int[] chunk : new int[][] {{0, 1}, {1, 2}, {127, 128}, {128, 129}, {255, 256}, {299, 300}, {0, 5}, {5, 130}, {130, 300}}) {
                            for (int kind = 0; kind < 3; kind++) {
                                Tensor[] part = chunk(arena, whole, chunk, window, ratio, kind);
                                Tensor[] found = run(arena, backend, whole.op, part);
                                for (int i = 0; i < found.length; i++) {
                                    assertArrayEquals(prefill[i].slice(1, chunk[0], chunk[1]).toFloats(), found[i].toFloats(), "output " + i + " of the queries " + Arrays.toString(chunk) + ", kind " + kind);
                                }
                            }
                        }
                    }
                }
            });
        }
    }

    /// The queries of one chunk with the entries there are by then, and raw keys as a prefix (0), a slice (1) or a ring (2).
    private static Tensor[] chunk(Arena arena, Case whole, int[] chunk, int window, int ratio, int kind) {
        Tensor[] part = whole.forward.clone();
        for (int i : new int[] {0, 4, 5, 7}) {
            part[i] = part[i].slice(1, chunk[0], chunk[1]);
        }
        part[2] = part[2].slice(1, 0, chunk[1] / ratio);
        int from = kind == 0 ? 0 : Math.max(0, chunk[0] - window + 1);
        int rows = chunk[1] - from;
        part[1] = part[1].slice(1, from, chunk[1]);
        int origin = from;
        if (kind == 2) {                                         // position p in row p mod rows
            Tensor ring = Tensor.zeros(arena, DType.F32, Shape.of(1, rows, 32));
            for (int position = from; position < chunk[1]; position++) {
                for (int c = 0; c < 32; c++) {
                    ring.setFloat(whole.forward[1].getFloat(0, position, c), 0, position % rows, c);
                }
            }
            part[1] = ring;
            origin = from / rows * rows;
        }
        part[6] = Tensor.of(arena, Shape.of(1), origin);
        for (int i : new int[] {4, 5}) {
            Tensor moved = Tensor.zeros(arena, DType.I32, part[i].shape());
            for (int query = 0; query < chunk[1] - chunk[0]; query++) {
                moved.data().setAtIndex(JAVA_INT, query, part[i].getInt(0, query) - origin);
            }
            part[i] = moved;
        }
        return part;
    }

    @Test void aRowOfNaNSpoilsNoOther() {
        withInputs(13, inputs -> {
            var example = new Case(inputs, Values.NORMAL, Sizes.of(1, 150, 150, 2, 16, 40, 4, 0, 0));
            try (Arena arena = Arena.ofShared()) {
                Tensor[] clean = run(arena, backend(), example.op, example.forward);
                example.forward[0].setFloat(Float.NaN, 0, 70, 1, 3);
                example.forward[1].setFloat(Float.POSITIVE_INFINITY, 0, 149, 5);
                Tensor[] found = run(arena, backend(), example.op, example.forward);
                for (int query = 0; query < 149; query++) {
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

    @Test void theSinkTakesItsPartAndMinusInfinityNone() {
        try (Arena arena = Arena.ofShared()) {
            Tensor q = Tensor.of(arena, Shape.of(1, 1, 4, 1), 0f, 0f, 0f, 0f);
            Tensor sink = Tensor.of(arena, Shape.of(4), 0f, Float.NEGATIVE_INFINITY, Float.NaN, 200f);
            Tensor[] keys = {q, Tensor.of(arena, Shape.of(1, 2, 1), 8f, 4f), Tensor.of(arena, Shape.of(1, 1, 1), 3f), sink,
                Tensor.of(arena, Shape.of(1, 1), 0), Tensor.of(arena, Shape.of(1, 1), 1), Tensor.of(arena, Shape.of(1), 0), Tensor.of(arena, Shape.of(1, 1), 1)};
            Tensor[] blind = keys.clone();
            blind[5] = Tensor.of(arena, Shape.of(1, 1), -1);
            blind[7] = Tensor.of(arena, Shape.of(1, 1), 0);
            for (Backend backend : List.of(backend(), new Reference())) {
                Tensor[] found = run(arena, backend, new JointAttention(1, false), keys);
                assertArrayEquals(new float[] {15f / 4, 15f * (1f / 3), Float.NaN, 0}, found[0].toFloats());
                assertArrayEquals(new float[] {0, 0, 0, 200}, found[1].toFloats());
                assertArrayEquals(new float[] {4, 3, Float.NaN, 1}, found[2].toFloats());
                found = run(arena, backend, new JointAttention(1, false), blind);
                assertArrayEquals(new float[4], found[0].toFloats());
                assertArrayEquals(new float[] {0, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY, 200}, found[1].toFloats());
                assertArrayEquals(new float[] {1, 0, Float.NaN, 1}, found[2].toFloats());
            }
        }
    }

    @Test void keysThatDoNotExistAreRefusedByName() {
        withInputs(14, inputs -> {
            Sizes sizes = Sizes.of(2, 5, 5, 1, 4, 3, 1, 0, 0);
            refuses(new Case(inputs, Values.NORMAL, sizes), 5, 8, 10, "query 3 of sequence 1 sees the raw keys 1 to 10 after position 0, there are 5 rows; wanted at most so many keys, indices from 0 to 9 and positions that fit in 31 bits");
            refuses(new Case(inputs, Values.NORMAL, sizes), 6, 1, -1, "origin of sequence 1 is -1, wanted an absolute position of 0 or more");
            refuses(new Case(inputs, Values.NORMAL, sizes), 7, 8, 6, "query 3 of sequence 1 sees 6 entries, wanted 0 to 5");
            var runs = new Case(inputs, Values.NORMAL, sizes).ofRuns();
            runs.forward[7].data().setAtIndex(JAVA_INT, 16, 2);
            refuses(runs, 7, 17, 6, "query 3 of sequence 1 sees the entries from 2 to before 6, wanted a run within 0 to 5");
            refuses(runs, 7, 17, 1, "query 3 of sequence 1 sees the entries from 2 to before 1, wanted a run within 0 to 5");
            Sizes gathered = Sizes.of(1, 1, 5, 1, 4, 3, 1, 3, 0);
            refuses(withChoice(inputs, gathered, 1, 1, -1), 7, 0, 1, "query 0 of sequence 0 chooses entry 1 at place 1 after 1, wanted ascending entries of 0 to 4, then −1");
            refuses(withChoice(inputs, gathered, 1, -1, 2), 7, 0, 1, "query 0 of sequence 0 chooses entry 2 at place 2 behind a −1, wanted ascending entries of 0 to 4, then −1");
            refuses(withChoice(inputs, gathered, 1, 2, 5), 7, 0, 1, "query 0 of sequence 0 chooses entry 5 at place 2 after 2, wanted ascending entries of 0 to 4, then −1");
        });
    }

    private static Case withChoice(Inputs inputs, Sizes sizes, int... chosen) {
        var example = new Case(inputs, Values.NORMAL, sizes);
        for (int place = 0; place < chosen.length; place++) {
            example.forward[7].data().setAtIndex(JAVA_INT, place, chosen[place]);
        }
        return example;
    }

    private void refuses(Case example, int input, int at, int value, String message) {
        example.forward[input].data().setAtIndex(JAVA_INT, at, value);
        try (Arena arena = Arena.ofShared()) {
            for (Backend backend : List.of(backend(), new Reference())) {
                var thrown = assertThrows(IndexOutOfBoundsException.class, () -> run(arena, backend, example.op, example.forward));
                assertEquals(message, thrown.getMessage());
            }
        }
    }

    /// A step at position 2^20 touches what its query sees and no more: far less memory than its absolute position would ask for.
    @Test void decodesFarOut() {
        withInputs(15, inputs -> {
            var far = new Case(inputs, Values.NORMAL, Sizes.of(1, 1, 128, 4, 64, 128, 128, 0, (1 << 20) - 127));
            assertSameBits(inputs, far.op, far.forward);
            assertEquals(8192, far.forward[2].shape().axis(1));
            assertSameBits(inputs, new JointAttention(0.1f, true), gathered(inputs, far, 512));
        });
    }

    private static Tensor[] gathered(Inputs inputs, Case of, int places) {
        Tensor[] forward = of.forward.clone();
        forward[7] = choose(inputs, of.forward[7], places);
        return forward;
    }

    @Test void allocatesNothing() {
        withInputs(16, inputs -> {
            for (int places : new int[] {0, 16}) {
                var example = new Case(inputs, Values.NORMAL, Sizes.of(2, 150, 150, 4, 64, 40, 4, places, 0));
                if (places == 0) {
                    example.inDocuments(Sizes.of(2, 150, 150, 4, 64, 40, 4, 0, 0), 37);
                }
                if (backend().supports(JointAttention.class)) {
                    assertNoGarbage(example.op, example.forward);
                    assertNoGarbage(example.op, new Case(inputs, Values.NORMAL, Sizes.of(1, 1, 128, 4, 64, 128, 4, places, 3000)).forward);
                }
                if (backend().supports(JointAttentionGrad.class)) {
                    try (Arena arena = Arena.ofShared()) {
                        Tensor[] all = backward(arena, example);
                        assertNoGarbage(new JointAttentionGrad(example.op.scale(), places > 0, 1), all);
                        if (backend().supports(AttentionShare.class)) {
                            assertNoGarbage(new AttentionShare(example.op.scale(), places > 0), all[0], all[2], all[9], all[10], all[7]);
                        }
                    }
                }
            }
        });
    }

    private static Tensor[] run(Arena arena, Backend backend, Op op, Tensor... inputs) {
        Tensor[] outputs = op.infer(Arrays.stream(inputs).map(Tensor::type).toList()).stream()
                .map(type -> Tensor.zeros(arena, type.dtype(), type.shape())).toArray(Tensor[]::new);
        for (Tensor output : outputs) {
            for (long i = 0; i < output.shape().size(); i++) {
                output.data().setAtIndex(JAVA_FLOAT, i, Float.NaN);
            }
        }
        backend.run(op, inputs, outputs);
        return outputs;
    }
}
