package dev.xiaolu.models.deepseek4;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.Losses;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The same bits of the family whatever surrounds a token: threads, chunks, neighbours, leaves of work, files.
class DeepSeekV4Test {
    private interface Check {
        void of(DeepSeekV4 model, Scratch scratch);
    }

    private static void withModel(int threads, Check check) {
        try (Backend backend = Backends.open("auto", threads); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                check.of(GoldenModel.of(Golden.open("deepseek4/tiny_a"), arena), scratch);
                return null;
            });
        }
    }

    private static int[] text(int length, int seed) {
        return new Random(seed).ints(length, 0, 512).toArray();
    }

    private static Batch whole(Scratch scratch, int[]... sequences) {
        return Batch.of(scratch, sequences, new int[sequences.length][sequences[0].length], sequences[0].length);
    }

    /// Chunks of one token are decoding, one chunk is prefill; the seeds draw other cuts, through windows of every ratio.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6})
    void anyCutOfTheContextGivesTheBitsOfTheWhole(int seed) {
        withModel(2, (model, scratch) -> {
            int[] tokens = text(170, seed);
            float[] wanted = model.forward(whole(scratch, tokens)).toFloats();
            int vocab = model.vocabSize();
            var random = new Random(seed);
            try (ContextCache cache = model.newCache(tokens.length)) {
                for (int from = 0; from < tokens.length; ) {
                    int most = seed == 1 ? 1 : seed == 2 ? tokens.length : 1 + random.nextInt(60);
                    int to = Math.min(tokens.length, from + most);
                    Scratch.Mark before = scratch.mark();
                    float[] found = model.forward(Batch.continuing(scratch, Arrays.copyOfRange(tokens, from, to), from), cache).toFloats();
                    assertArrayEquals(Arrays.copyOfRange(wanted, from * vocab, to * vocab), found, "tokens %d to %d, seed %d".formatted(from, to, seed));
                    scratch.reset(before);
                    from = to;
                }
                assertEquals(tokens.length, cache.length());
                assertThrows(InputException.class, () -> model.forward(Batch.continuing(scratch, new int[] {1}, tokens.length), cache));
            }
        });
    }

    @Test void neighboursInABatchChangeNothing() {
        withModel(2, (model, scratch) -> {
            int[] one = text(70, 11);
            int[] other = text(70, 12);
            Tensor both = model.forward(whole(scratch, one, other));
            assertArrayEquals(model.forward(whole(scratch, one)).toFloats(), both.at(0).toFloats());
            assertArrayEquals(model.forward(whole(scratch, other)).toFloats(), both.at(1).toFloats());
        });
    }

    @Test void paddingOnTheLeftIsRefusedWithTheReason() {
        withModel(2, (model, scratch) -> {
            Batch batch = whole(scratch, text(20, 13), text(20, 14));
            for (int i = 0; i < 20; i++) {
                batch.positions().data().setAtIndex(JAVA_INT, 20 + i, Math.max(0, i - 3));
                batch.first().data().setAtIndex(JAVA_INT, 20 + i, 3);
            }
            String said = assertThrows(InputException.class, () -> model.forward(batch)).getMessage();
            assertTrue(said.contains("index 1 of sequence 1 has position 0, wanted 1") && said.contains("padding on the left would shift their borders"), said);
        });
    }

    @Test void aSequenceLongerThanTheModelsLimitIsRefusedWholeAndInPieces() {
        withModel(2, (model, scratch) -> {
            int limit = model.contextLength();
            assertTrue(assertThrows(InputException.class, () -> model.forward(whole(scratch, text(limit + 1, 15)))).getMessage().contains("wanted at most max_position_embeddings (1024)"));
            try (ContextCache cache = model.newCache(limit + 100)) {
                assertEquals(limit, cache.capacity());
                model.forward(Batch.continuing(scratch, text(limit - 1, 16), 0), cache);
                assertThrows(InputException.class, () -> model.forward(Batch.continuing(scratch, new int[] {1, 2}, limit - 1), cache));
                model.forward(Batch.continuing(scratch, new int[] {1}, limit - 1), cache);
            }
        });
    }

    @Test void anyNumberOfThreadsGivesTheSameLogitsAndGradients() {
        List<TreeMap<String, float[]>> runs = new ArrayList<>();
        for (int threads : new int[] {1, 2, 3, 8}) {
            withModel(threads, (model, scratch) -> runs.add(gradients(model, scratch, 1, text(65, 21), text(65, 22))));
        }
        for (TreeMap<String, float[]> run : runs) {
            run.forEach((name, values) -> assertArrayEquals(runs.getFirst().get(name), values, name));
        }
    }

    @Test void eachLeafOfWorkHasTheGradientThatItHasAlone() {
        withModel(2, (model, scratch) -> {
            int[] one = text(65, 31);
            int[] other = text(65, 32);
            TreeMap<String, float[]> together = gradients(model, scratch, 2, one, other);
            TreeMap<String, float[]> first = gradients(model, scratch, 1, one);
            TreeMap<String, float[]> second = gradients(model, scratch, 1, other);
            together.forEach((name, values) -> {
                assertArrayEquals(first.get(name), Arrays.copyOf(values, values.length / 2), name);
                assertArrayEquals(second.get(name), Arrays.copyOfRange(values, values.length / 2, values.length), name);
            });
            assertTrue(together.containsKey("layers.0.ffn.experts.w1.weight") && together.containsKey("layers.6.attn.attn_sink"));
        });
    }

    /// The gradients of every leaf by parameter, and the losses.
    private static TreeMap<String, float[]> gradients(DeepSeekV4 model, Scratch scratch, int leaves, int[]... sequences) {
        Scratch.Mark before = scratch.mark();
        int length = sequences[0].length - 1;
        var found = new TreeMap<String, float[]>();
        var tape = new Tape(model.parameters().all(), leaves);
        Batch batch = Batch.of(scratch, sequences, new int[sequences.length][length], length);
        Tensor losses = Compute.recording(tape, () -> Losses.perLeaf(model.forward(batch), Batch.targets(scratch, sequences, length), leaves));
        found.put("loss", losses.toFloats());
        Tensor ones = scratch.allocate(new TensorType(DType.F32, Shape.of(leaves)));
        IntStream.range(0, leaves).forEach(leaf -> ones.setFloat(1, leaf));
        tape.backward(losses, ones, (parameter, sums) -> found.put(parameter.name(), sums.toFloats()));
        scratch.reset(before);
        return found;
    }

    @ParameterizedTest
    @ValueSource(strings = {"NATIVE_F32", "TRANSFORMERS_F32"})
    void aModelWrittenAndReadGivesTheSameLogits(String form, @TempDir Path folder) {
        withModel(2, (model, scratch) -> {
            int[] tokens = text(50, 41);
            float[] wanted = model.forward(whole(scratch, tokens)).toFloats();
            DeepSeekV4Weights.save(Disk.real(), folder, model.config(), model.parameters(), DeepSeekV4Weights.Form.valueOf(form), 1 << 20);
            try (Arena arena = Arena.ofShared()) {
                DeepSeekV4 read = DeepSeekV4Weights.load(folder, arena);
                assertArrayEquals(wanted, read.forward(whole(scratch, tokens)).toFloats());
                assertEquals(form.startsWith("NATIVE") ? 1 : 0, read.config().numNextnPredictLayers());
            }
        });
    }
}
