package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.models.deepseek4.TrainingPass.PLAIN;
import static dev.xiaolu.models.deepseek4.TrainingPass.withNarrow;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.Losses;
import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Documents that share a sequence see nothing of each other, in the window, among entries, in what entries pool, and in what flows back. The model has windows of 4, which overlap, and of 8.
class PackedDocumentsTest {
    private static final int LENGTH = 96;

    /// Tokens of one sequence, one more than its length.
    private static int[] text(int seed) {
        return new Random(seed).ints(LENGTH + 1, 0, 512).toArray();
    }

    /// The same tokens with others before `end`.
    private static int[] others(int[] tokens, int end, int seed) {
        int[] changed = tokens.clone();
        var random = new Random(seed);
        for (int i = 0; i < end; i++) {
            changed[i] = (tokens[i] + 1 + random.nextInt(511)) % 512;
        }
        return changed;
    }

    /// One sequence whose documents begin at 0 and at `starts`.
    private static Batch packed(int[] tokens, int... starts) {
        int[][] first = new int[1][LENGTH];
        for (int start : starts) {
            Arrays.fill(first[0], start, LENGTH, start);
        }
        return Batch.of(Compute.current().scratch(), new int[][] {tokens}, first, LENGTH);
    }

    private static float[] behind(float[] rows, int start) {
        int width = rows.length / LENGTH;
        return Arrays.copyOfRange(rows, start * width, rows.length);
    }

    /// Begins of the last two documents: at borders of windows, within them, within the same one, within the first.
    @ParameterizedTest
    @CsvSource({"0, 40", "0, 37", "0, 35", "32, 38", "21, 22", "37, 39", "0, 3", "5, 64", "63, 95"})
    void whatComesBeforeADocumentChangesNoneOfItsLogits(int before, int start) {
        withNarrow(Rounding.NONE, (model, _) -> {
            int[] tokens = text(start);
            float[] wanted = model.forward(packed(tokens, before, start)).toFloats();
            for (int seed = 0; seed < 3; seed++) {
                float[] found = model.forward(packed(others(tokens, start, seed), before, start)).toFloats();
                assertArrayEquals(behind(wanted, start), behind(found, start), "seed " + seed);
                assertFalse(Arrays.equals(wanted, found), "what comes before has other logits itself");
            }
            float[] other = model.forward(packed(others(tokens, start, 1))).toFloats();
            assertFalse(Arrays.equals(behind(wanted, start), behind(other, start)), "as one document it would show");
        });
    }

    /// One token anywhere before, so that each one's way into a later document is tried by itself.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9})
    void noSingleTokenBeforeADocumentChangesItsLogits(int start) {
        withNarrow(Rounding.NONE, (model, _) -> {
            int[] tokens = text(100 + start);
            float[] wanted = model.forward(packed(tokens, start)).toFloats();
            for (int i = 0; i < start; i++) {
                int[] changed = tokens.clone();
                changed[i] = (changed[i] + 77) % 512;
                assertArrayEquals(behind(wanted, start), behind(model.forward(packed(changed, start)).toFloats(), start), "token " + i);
            }
        });
    }

    /// Losses of the next token, of the one after it and of the indexers, token by token, and the gradients of those of the last document. No sum here has so many tokens that its leaves could shift.
    @ParameterizedTest
    @CsvSource({"0, 40, 0", "0, 37, 0", "21, 22, 0", "37, 39, 0", "5, 64, 0", "0, 37, 9", "32, 38, 9", "5, 64, 9"})
    void whatComesBeforeADocumentChangesNoneOfItsLossesAndGradients(int before, int start, long denseSteps) {
        withNarrow(Rounding.NONE, (model, arena) -> {
            var training = new DeepSeekV4Training(model, PLAIN, arena);
            int[] tokens = text(200 + start);
            Map<String, float[]> wanted = pass(model, training, denseSteps, start, tokens, before, start);
            assertTrue(wanted.containsKey("indexer_loss 0") && wanted.containsKey("layers.3.attn.indexer.wq_b.weight") && wanted.containsKey("mtp.0.e_proj.weight"), wanted.keySet()::toString);
            for (int seed = 0; seed < 2; seed++) {
                Map<String, float[]> found = pass(model, training, denseSteps, start, others(tokens, start, seed), before, start);
                assertEquals(wanted.keySet(), found.keySet());
                wanted.forEach((name, values) -> assertArrayEquals(values, found.get(name), name));
            }
            Map<String, float[]> one = pass(model, training, denseSteps, start, others(tokens, start, 1), 0, 0);
            wanted.forEach((name, values) -> assertFalse(name.contains("attn.compressor.wkv") && Arrays.equals(values, one.get(name)), "as one document it would show in " + name));
        });
    }

    private static Map<String, float[]> pass(DeepSeekV4 model, DeepSeekV4Training training, long denseSteps, int start, int[] tokens, int... starts) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark mark = scratch.mark();
        var found = new TreeMap<String, float[]>();
        var tape = new Tape(training.trained(), 1);
        Batch batch = packed(tokens, starts);
        Tensor targets = Batch.targets(scratch, new int[][] {tokens}, LENGTH);
        var objective = new Objective(PLAIN.withIndexers(1, denseSteps), 5, LENGTH, (_, _, _) -> {}, null);          // each token is a leaf, so that every loss is one token's
        Map<String, Tensor> losses = Compute.recording(tape, () -> {
            var all = new TreeMap<String, Tensor>();
            Tensor streams = model.streams(batch, objective);
            all.put("loss", Losses.perToken(model.logits(streams), targets));
            var following = new Batch(targets, batch.positions(), batch.first(), batch.last());
            all.put("mtp_loss", Losses.perToken(model.predicted(streams, following, objective), targets));
            for (TrainingLosses.Term term : objective.terms()) {
                all.put(term.name() + " " + (all.size() - 2), term.perLeaf());           // of the first indexer, the second, …
            }
            return all;
        });
        List<Tape.Seed> seeds = new ArrayList<>();
        losses.forEach((name, perToken) -> {
            found.put(name, behind(perToken.toFloats(), start));
            Tensor seed = scratch.allocate(new TensorType(DType.F32, Shape.of(LENGTH)));
            for (int i = 0; i < LENGTH; i++) {
                seed.setFloat(i < start ? 0 : 1, i);
            }
            seeds.add(new Tape.Seed(perToken, seed));
        });
        tape.backward(seeds, (parameter, sums) -> found.put(parameter.name(), sums.toFloats()));
        scratch.reset(mark);
        return found;
    }

    /// The first document of a sequence is the same whatever follows, packed or not.
    @Test void aDocumentIsTheSameWhateverFollowsIt() {
        withNarrow(Rounding.NONE, (model, _) -> {
            int[] tokens = text(300);
            float[] wanted = model.forward(packed(tokens)).toFloats();
            float[] found = model.forward(packed(tokens, 37, 70)).toFloats();
            int width = wanted.length / LENGTH;
            assertArrayEquals(Arrays.copyOf(wanted, 37 * width), Arrays.copyOf(found, 37 * width));
        });
    }

    @Test void aCachedContextHoldsOneDocument() {
        withNarrow(Rounding.NONE, (model, _) -> {
            try (ContextCache cache = model.newCache(LENGTH)) {
                String said = assertThrows(InputException.class, () -> model.forward(packed(text(301), 40), cache)).getMessage();
                assertTrue(said.contains("index 40") && said.contains("a context holds one document"), said);
            }
        });
    }
}
