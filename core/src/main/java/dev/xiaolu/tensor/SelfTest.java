package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Codes;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.op.WidenFp4;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Every operator over fixed inputs, its results' digest compared with the committed one: what a machine must pass before it is trusted with a run.
///
/// The inputs are generated, so nothing is read but the table of digests. Takes well under five seconds, on the reference too.
/// Inputs are finite and so are the results, since the payload of a NaN is left open.
public final class SelfTest {
    private static final String TABLE = "self-test.txt";

    /// An operator whose bits are not those of the contract on this backend.
    ///
    /// @param operator the operator with its parameters
    /// @param wanted   the committed digest, as hex
    /// @param found    the digest found here, as hex, or what was thrown
    public record Mismatch(String operator, String wanted, String found) {
        /// For example `RmsNorm[epsilon=1.0E-5]: digest 12ab…, wanted 34cd…`.
        @Override public String toString() {
            return operator + ": digest " + found + ", wanted " + wanted;
        }
    }

    /// An operator with its inputs, under a name that no other case has.
    record Case(String name, Op op, Tensor... inputs) {
        Case(Op op, Tensor... inputs) {
            this(op.toString(), op, inputs);
        }
    }

    private final Arena arena;
    private long drawn;

    private SelfTest(Arena arena) {
        this.arena = arena;
    }

    /// Runs every operator on `backend` and gives those that differ, none where all is well.
    public static List<Mismatch> run(Backend backend) {
        Map<String, String> wanted = committed();
        List<Mismatch> mismatches = new ArrayList<>();
        digests(backend).forEach((operator, found) -> {
            if (!found.equals(wanted.get(operator))) {
                mismatches.add(new Mismatch(operator, wanted.getOrDefault(operator, "none"), found));
            }
        });
        return mismatches;
    }

    /// The digest of every operator's results on `backend`, by operator; this is what the table holds.
    public static Map<String, String> digests(Backend backend) {
        Map<String, String> digests = new LinkedHashMap<>();
        try (Arena arena = Arena.ofShared()) {
            for (Case test : new SelfTest(arena).cases()) {
                digests.put(test.name, digest(arena, backend, test));
            }
        }
        return digests;
    }

    private static Map<String, String> committed() {
        try (var stream = SelfTest.class.getResourceAsStream(TABLE)) {
            Map<String, String> table = new LinkedHashMap<>();
            for (String line : new String(stream.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
                int space = line.indexOf(' ');
                table.put(line.substring(space + 1), line.substring(0, space));
            }
            return table;
        } catch (IOException failed) {
            throw new UncheckedIOException(TABLE, failed);
        }
    }

    /// Outputs and then inputs, as they are after the call, one after the other under one digest by the reference.
    private static String digest(Arena arena, Backend backend, Case test) {
        Tensor[] outputs = test.op.infer(Arrays.stream(test.inputs).map(Tensor::type).toList()).stream()
                .map(type -> Tensor.zeros(arena, type.dtype(), type.shape())).toArray(Tensor[]::new);
        try {
            backend.run(test.op, test.inputs, outputs);
        } catch (RuntimeException | LinkageError failed) {
            return failed.toString();
        }
        long[] sums = new long[2];
        long index = 0;
        for (Tensor[] tensors : List.of(outputs, test.inputs)) {
            for (Tensor tensor : tensors) {
                Tensor digest = Tensor.zeros(arena, DType.I64, Shape.of(2));
                ReferenceElements.run(new Digest(index), new Tensor[] {tensor}, new Tensor[] {digest});
                sums[0] += digest.data().getAtIndex(JAVA_LONG, 0);
                sums[1] += digest.data().getAtIndex(JAVA_LONG, 1);
                index += tensor.shape().size();
            }
        }
        return "%016x%016x".formatted(sums[0], sums[1]);
    }

    private List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        addProducts(cases);
        addRows(cases);
        addElements(cases);
        addBlocks(cases);
        new SelfTestExperts(this).add(cases);
        addSparse(cases);
        restart(5);
        cases.add(new Case(new Scale(0.7f), wide(1003)));
        addDocuments(cases);
        return cases;
    }

    private void addProducts(List<Case> cases) {
        cases.add(new Case(new MatMul(false, false), normal(2, 19, 300), normal(2, 300, 37)));
        cases.add(new Case(new MatMul(false, true), normal(33, 600), normal(21, 600)));
        cases.add(new Case(new MatMul(true, false), normal(270, 17), normal(270, 35)));
        Tensor[] inputs = {normal(1, 40, 4, 32), normal(1, 300, 2, 32), normal(1, 300, 2, 32), ints(0, 130, 1, 40), ints(125, 300, 1, 40)};
        Attention attention = new Attention(0.17f);
        cases.add(new Case(attention, inputs));
        Tensor[] forward = {normal(1, 40, 4, 32), normal(1, 40, 4), normal(1, 40, 4)};
        ReferenceAttention.run(attention, inputs, forward);
        cases.add(new Case(new AttentionGrad(0.17f), inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], forward[0], forward[1], forward[2], normal(1, 40, 4, 32)));
    }

    private void addRows(List<Case> cases) {
        cases.add(new Case(new RmsNorm(1e-5f), normal(11, 101), normal(101)));
        cases.add(new Case(new RmsNormGrad(1e-5f, 2), normal(600, 37), normal(37), normal(600, 37)));
        Tensor logits = normal(13, 333);
        Tensor targets = ints(-1, 333, 13);
        cases.add(new Case(new CrossEntropy(), logits, targets));
        Tensor[] forward = {normal(13), normal(13), normal(13)};
        ReferenceRows.run(new CrossEntropy(), new Tensor[] {logits, targets}, forward);
        cases.add(new Case(new CrossEntropyGrad(), logits, targets, forward[1], forward[2], normal(13)));
        cases.add(new Case(new Mean(3), normal(303)));
        cases.add(new Case(new MeanGrad(303), normal(3)));
        cases.add(new Case(new SquareSums(), normal(9001)));
        cases.add(new Case(new Embed(), normal(23, 45), ints(0, 23, 3, 17)));
        cases.add(new Case(new EmbedGrad(5, 2), normal(2, 800, 19), ints(0, 4, 2, 800)));
        cases.add(new Case(new Rope(false), normal(2, 7, 3, 40), normal(50, 40), ints(0, 50, 2, 7)));
        cases.add(new Case(new Rope(true), normal(2, 7, 3, 40), normal(50, 40), ints(0, 50, 2, 7)));
    }

    private void addElements(List<Case> cases) {
        cases.add(new Case(new Add(), wide(1003), wide(1003)));
        cases.add(new Case(new Axpby(0.7f, -1.3f), wide(1003), wide(1003)));
        cases.add(new Case(new Cast(DType.BF16), wide(1003)));
        cases.add(new Case(new SwiGlu(), normal(5, 203), normal(5, 203)));
        cases.add(new Case(new SwiGluGrad(), normal(5, 203), normal(5, 203), normal(5, 203)));
        cases.add(new Case(AdamW.at(7, 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.5f), normal(1003), normal(1003), normal(1003), squares(1003)));
        cases.add(new Case(new FixedAdd(1, false), normal(3, 1003), integers(1003), integers(1)));
        cases.add(new Case(new FixedMean(6), integers(1003)));
        cases.add(new Case(new RandomNormal(0.02f, 0x5EED), normal(1003)));
        cases.add(new Case(new Digest(77), normal(1003)));
        long kept = drawn;
        drawn = 1L << 36;                                        // drawn apart: later cases have the inputs that they had
        cases.add(new Case(new FixedAdd(1, true), normal(3, 1003), integers(1003), integers(1)));
        drawn = kept;
    }

    private void addBlocks(List<Case> cases) {
        drawn = 1L << 32;                                        // inputs of their own, whatever operators come before
        cases.add(new Case(new Dequantise(Blocks.WEIGHTS), bytes(DType.F8_E4M3, 0x78, 200, 301), bytes(DType.F8_E8M0, 200, 2, 3)));
        cases.add(new Case(new Dequantise(Blocks.FP4), bytes(DType.I8, 256, 5, 45), bytes(DType.F8_E8M0, 200, 5, 3)));
        cases.add(new Case(Quantise.fp8Weights(), wide(2, 130, 140)));
        cases.add(new Case(Quantise.fp8Activations(), normal(7, 301)));
        cases.add(new Case(Quantise.fp4(), wide(9, 102)));
        cases.add(new Case(new FakeQuantise(Codes.FP8, 64, 90, 1e-4f), normal(7, 101)));
        cases.add(new Case(new FakeQuantise(Codes.FP4, 32, 101, 0), wide(7, 101)));
        cases.add(new Case(new WidenFp4(), bytes(DType.I8, 256, 131, 70), bytes(DType.F8_E8M0, 30, 131, 5)));
    }

    /// Codes from 0 up to below `limit`.
    private Tensor bytes(DType dtype, int limit, long... sizes) {
        Tensor tensor = Tensor.zeros(arena, dtype, Shape.of(sizes));
        for (long i = 0; i < tensor.shape().size(); i++) {
            tensor.data().set(JAVA_BYTE, i, (byte) ((draw() >>> 33) % limit));
        }
        return tensor;
    }

    /// Draws from here on what depends on `family` and not on the cases before.
    void restart(int family) {
        drawn = (long) family << 40;
    }

    /// Attention over compressed entries; its inputs are drawn apart, so that cases before it move nothing here, nor this what comes after.
    /// Small, since interpreted vectors are slow: 132 rows and 140 entries are two leaves each, and the raw keys cross the end of one.
    private void addSparse(List<Case> cases) {
        long kept = drawn;
        drawn = 1L << 40;
        cases.add(new Case(new RopePairs(false), normal(2, 7, 3, 40), normal(50, 24), ints(0, 50, 2, 7)));
        cases.add(new Case(new RopePairs(true), normal(2, 7, 3, 40), normal(50, 24), ints(0, 50, 2, 7)));
        cases.add(new Case(new Hadamard(), normal(5, 3, 64)));
        cases.add(new Case(new Compress(33, false, false), normal(2, 70, 21), normal(2, 70, 21), normal(33, 21)));
        cases.add(new Case(new Compress(4, true, true), normal(2, 39, 42), normal(2, 39, 42), normal(4, 42)));
        cases.add(new Case(new CompressGrad(33, false, false, 2), normal(2, 70, 21), normal(2, 70, 21), normal(33, 21), normal(2, 2, 21)));
        cases.add(new Case(new CompressGrad(2, true, false, 1), normal(2, 271, 10), normal(2, 271, 10), normal(2, 10), normal(2, 135, 5)));
        for (boolean gathered : new boolean[] {false, true}) {
            addJointAttention(cases, gathered);
        }
        Tensor[] index = {normal(1, 29, 9, 5), normal(1, 40, 5), normal(1, 29, 9), ints(0, 41, 1, 29)};
        cases.add(new Case(new IndexScoresGrad(), index[0], index[1], index[2], index[3], normal(1, 29, 40)));
        index[3] = ints(40, 41, 1, 29);                          // no −∞ among the scores, so that every bit counts
        cases.add(new Case(new IndexScores(), index));
        cases.add(new Case(new TopEntries(37), normal(2, 33, 270), ints(0, 271, 2, 33)));
        drawn = kept;
    }

    private void addJointAttention(List<Case> cases, boolean gathered) {
        Tensor seen = gathered ? ascending(1, 33, 20) : ints(100, 141, 1, 33);
        Tensor[] all = {normal(1, 33, 4, 5), normal(1, 40, 5), normal(1, 140, 5), normal(4), ints(0, 25, 1, 33), ints(25, 40, 1, 33), ints(100, 110, 1), seen,
            normal(1, 33, 4, 5), normal(1, 33, 4), normal(1, 33, 4), normal(1, 33, 4, 5)};
        Tensor[] forward = Arrays.copyOf(all, 8);
        cases.add(new Case(new JointAttention(0.17f, gathered), forward));
        ReferenceJointAttention.run(new JointAttention(0.17f, gathered), forward, Arrays.copyOfRange(all, 8, 11));
        cases.add(new Case(new JointAttentionGrad(0.17f, gathered, 1), all));
        cases.add(new Case(new AttentionShare(0.17f, gathered), all[0], all[2], all[9], all[10], seen));
        Tensor share = squares(1, 33, gathered ? 20 : 140);
        Tensor scores = normal(1, 33, 140);
        Tensor[] loss = {normal(1, 33), normal(1, 33), normal(1, 33)};
        cases.add(new Case(new IndexLoss(gathered), scores, share, seen));
        ReferenceIndexer.run(new IndexLoss(gathered), new Tensor[] {scores, share, seen}, loss);
        cases.add(new Case(new IndexLossGrad(gathered), scores, share, seen, loss[1], loss[2], normal(1, 33)));
    }

    /// The operators of compressed entries where documents share a sequence: queries see runs of entries, and entries reach no farther than their documents.
    private void addDocuments(List<Case> cases) {
        restart(6);
        Tensor seen = runs(1, 33, 140);
        Tensor[] all = {normal(1, 33, 4, 5), normal(1, 40, 5), normal(1, 140, 5), normal(4), ints(0, 25, 1, 33), ints(25, 40, 1, 33), ints(100, 110, 1), seen,
            normal(1, 33, 4, 5), normal(1, 33, 4), normal(1, 33, 4), normal(1, 33, 4, 5)};
        var attention = new JointAttention(0.17f, false);
        Tensor[] forward = Arrays.copyOf(all, 8);
        addRun(cases, attention, forward);
        ReferenceJointAttention.run(attention, forward, Arrays.copyOfRange(all, 8, 11));
        addRun(cases, new JointAttentionGrad(0.17f, false, 1), all);
        addRun(cases, new AttentionShare(0.17f, false), all[0], all[2], all[9], all[10], seen);
        Tensor share = squares(1, 33, 140);
        Tensor scores = normal(1, 33, 140);
        Tensor[] loss = {normal(1, 33), normal(1, 33), normal(1, 33)};
        ReferenceIndexer.run(new IndexLoss(false), new Tensor[] {scores, share, ints(140, 141, 1, 33)}, loss);       // of all entries: finite where a query sees none
        addRun(cases, new IndexLossGrad(false), scores, share, seen, loss[1], loss[2], normal(1, 33));
        Tensor some = runs(1, 33, 139);
        for (int i = 1; i < 66; i += 2) {
            some.data().setAtIndex(JAVA_INT, i, some.data().getAtIndex(JAVA_INT, i) + 1);        // and none is −∞
        }
        addRun(cases, new IndexLoss(false), scores, share, some);
        addRun(cases, new IndexScoresGrad(), normal(1, 29, 9, 5), normal(1, 40, 5), normal(1, 29, 9), runs(1, 29, 40), normal(1, 29, 40));
        addRun(cases, new TopEntries(37), normal(2, 33, 270), runs(2, 33, 270));
        Tensor since = Tensor.of(arena, Shape.of(2, 9), 0, 0, 5, 12, 13, 19, 21, 28, 28, 0, 1, 8, 8, 8, 18, 24, 27, 31);
        addRun(cases, new Compress(4, true, false), normal(2, 39, 42), normal(2, 39, 42), normal(4, 42), since);
        addRun(cases, new CompressGrad(4, true, false, 2), normal(2, 39, 42), normal(2, 39, 42), normal(4, 42), normal(2, 9, 21), since);
    }

    private static void addRun(List<Case> cases, Op op, Tensor... inputs) {
        cases.add(new Case(op + " within documents", op, inputs));
    }

    /// Runs of the first `count` entries, some empty.
    private Tensor runs(long batch, long queries, int count) {
        Tensor runs = ints(0, count + 1, batch, queries, 2);
        for (long i = 0; i < runs.shape().size(); i += 2) {
            int one = runs.data().getAtIndex(JAVA_INT, i);
            int other = runs.data().getAtIndex(JAVA_INT, i + 1);
            runs.data().setAtIndex(JAVA_INT, i, Math.min(one, other));
            runs.data().setAtIndex(JAVA_INT, i + 1, Math.max(one, other));
        }
        return runs;
    }

    /// Indices below twice the places, ascending; some rows end with −1.
    private Tensor ascending(long batch, long queries, int places) {
        Tensor chosen = ints(0, 2, batch, queries, places);
        for (long i = 0; i < chosen.shape().size(); i++) {
            int place = (int) (i % places);
            int entry = 2 * place + chosen.data().getAtIndex(JAVA_INT, i);
            chosen.data().setAtIndex(JAVA_INT, i, place >= places - i / places ? -1 : entry);
        }
        return chosen;
    }

    /// Values around 0 with deviation near 1.
    Tensor normal(long... sizes) {
        Tensor tensor = Tensor.zeros(arena, DType.F32, Shape.of(sizes));
        for (long i = 0; i < tensor.shape().size(); i++) {
            long bits = draw();
            long sum = (bits & 0xFFFF) + (bits >>> 16 & 0xFFFF) + (bits >>> 32 & 0xFFFF) + (bits >>> 48);
            tensor.data().setAtIndex(JAVA_FLOAT, i, (sum - 2 * 0xFFFF) * 0x1.bcp-16f);
        }
        return tensor;
    }

    Tensor squares(long... sizes) {
        Tensor tensor = normal(sizes);
        for (long i = 0; i < tensor.shape().size(); i++) {
            float value = tensor.data().getAtIndex(JAVA_FLOAT, i);
            tensor.data().setAtIndex(JAVA_FLOAT, i, value * value);
        }
        return tensor;
    }

    /// Values of both signs and of every magnitude up to a quarter of the largest, denormals among them.
    private Tensor wide(long... sizes) {
        Tensor tensor = Tensor.zeros(arena, DType.F32, Shape.of(sizes));
        for (long i = 0; i < tensor.shape().size(); i++) {
            long bits = draw();
            tensor.data().setAtIndex(JAVA_INT, i, (int) ((bits >>> 33) % 0x7E000000) | (int) bits & 0x80000000);
        }
        return tensor;
    }

    Tensor ints(int from, int to, long... sizes) {
        Tensor tensor = Tensor.zeros(arena, DType.I32, Shape.of(sizes));
        for (long i = 0; i < tensor.shape().size(); i++) {
            tensor.data().setAtIndex(JAVA_INT, i, from + (int) ((draw() >>> 33) % (to - from)));
        }
        return tensor;
    }

    Tensor integers(long... sizes) {
        Tensor tensor = Tensor.zeros(arena, DType.I64, Shape.of(sizes));
        for (long i = 0; i < tensor.shape().size(); i++) {
            long bits = draw();
            tensor.data().setAtIndex(JAVA_LONG, i, bits >> (bits & 31) + 8);
        }
        return tensor;
    }

    private long draw() {
        return RandomKey.mix(++drawn * 0x9E3779B97F4A7C15L);
    }
}
