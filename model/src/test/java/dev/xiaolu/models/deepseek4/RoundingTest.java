package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.models.deepseek4.TrainingPass.PLAIN;
import static dev.xiaolu.models.deepseek4.TrainingPass.narrow;
import static dev.xiaolu.models.deepseek4.TrainingPass.text;
import static dev.xiaolu.models.deepseek4.TrainingPass.withNarrow;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RopeTable;
import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.GoldenWeights;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Training on what the published codes of four bits stand for.
class RoundingTest {
    private static final Rounding EXPERTS = new Rounding(true, false);
    private static final Rounding INDEXER = new Rounding(false, true);
    private static final Rounding BOTH = new Rounding(true, true);

    private static void copy(Tensor from, Tensor to) {
        Compute.into(new Cast(DType.F32), new Tensor[] {from}, to);
    }

    /// Puts into the experts' weights what their codes stand for.
    private static void quantiseExperts(DeepSeekV4 model) {
        model.parameters().all().stream().filter(parameter -> parameter.name().contains(".experts.")).forEach(parameter -> {
            Tensor[] codes = Compute.run(Quantise.fp4(), parameter.value());
            copy(Compute.one(new Dequantise(Blocks.FP4), codes), parameter.value());
        });
    }

    private static float[] logits(DeepSeekV4 model, int seed, int length) {
        return model.forward(TrainingPass.batch(text(seed, length))).toFloats();
    }

    /// Gradients that go straight through rounding are the very tensors that arrived: memory must not be used again while both are wanted.
    @Test void memoryUsedAgainChangesNoBitWhereGradientsGoStraightThrough() {
        withNarrow(BOTH, (model, arena) -> {
            Map<String, float[]> apart = TrainingPass.of(training(model, arena), 0, 2, text(1, 40), text(2, 40));
            Map<String, float[]> again;
            try (Recycling _ = Compute.current().scratch().recycle()) {
                again = TrainingPass.of(training(model, arena), 0, 2, text(1, 40), text(2, 40));
            }
            assertEquals(apart.keySet(), again.keySet());
            apart.forEach((name, values) -> assertArrayEquals(values, again.get(name), name));
        });
    }

    @Test void lossesAndGradientsAreThoseAtTheRoundedWeightsAndTheWeightsStayWhatTheyAre() {
        withNarrow(EXPERTS, (model, arena) -> {
            String expert = "layers.3.ffn.experts.w2.weight";
            float[] master = model.parameters().named(expert).value().toFloats();
            Map<String, float[]> straight = TrainingPass.of(training(model, arena), 0, 2, text(1, 40), text(2, 40));
            assertArrayEquals(master, model.parameters().named(expert).value().toFloats());

            DeepSeekV4 rounded = narrow(Rounding.NONE, arena);
            float[] unrounded = TrainingPass.of(training(rounded, arena), 0, 1, text(1, 40)).get(expert);
            quantiseExperts(rounded);
            assertFalse(Arrays.equals(master, rounded.parameters().named(expert).value().toFloats()));
            Map<String, float[]> wanted = TrainingPass.of(training(rounded, arena), 0, 2, text(1, 40), text(2, 40));
            assertEquals(wanted.keySet(), straight.keySet());
            wanted.forEach((name, values) -> assertArrayEquals(values, straight.get(name), name));
            assertFalse(Arrays.equals(unrounded, Arrays.copyOf(straight.get(expert), unrounded.length)));
        });
    }

    private static DeepSeekV4Training training(DeepSeekV4 model, Arena arena) {
        var training = new DeepSeekV4Training(model, new DeepSeekV4Recipe(1e-4f, 0, 0.3f, 0.3f, 1), arena);
        training.begin(1);
        return training;
    }

    /// The other matrices are published in FP8 and BF16, so that theirs must be such numbers already if the file is to hold the model.
    @Test void theFileOfFourBitsGivesTheLogitsOfTraining(@TempDir Path folder) {
        withNarrow(EXPERTS, (model, arena) -> {
            save(model, folder.resolve("first"));
            DeepSeekV4 read = DeepSeekV4Weights.load(folder.resolve("first"), arena);
            model.parameters().all().stream().filter(parameter -> !parameter.name().contains(".experts.")).forEach(parameter -> copy(read.parameters().named(parameter.name()).value(), parameter.value()));
            float[] trained = logits(model, 3, 90);
            save(model, folder.resolve("second"));
            assertArrayEquals(trained, logits(DeepSeekV4Weights.load(folder.resolve("second"), arena), 3, 90));
            DeepSeekV4 masters = new DeepSeekV4(model.config(), arena, (name, value, initial) -> {
                if (initial instanceof Filler.Table(int ids)) {
                    GoldenWeights.fill(name, value, ids);
                } else {
                    copy(model.parameters().named(name).value(), value);
                }
            });
            assertFalse(Arrays.equals(trained, logits(masters, 3, 90)), "rounding moves the logits");
        });
    }

    private static void save(DeepSeekV4 model, Path folder) {
        DeepSeekV4Weights.save(Disk.real(), folder, model.config(), model.parameters(), DeepSeekV4Weights.Form.NATIVE_QUANTISED, 1 << 24);
    }

    @Test void queriesAndKeysOfTheIndexerAreWhatCodesStandFor() {
        withNarrow(INDEXER, (model, arena) -> {
            Tensor x = arrayed(arena, 2, 24, 32);
            Tensor rope = RopeTable.stretched(64, 8, 160000, Optional.empty()).upTo(64);
            Batch batch = TrainingPass.batch(new int[25], new int[25]);
            Tensor keys = indexer(model, INDEXER).keys(x, rope, batch, null);             // [2, 6, 16]
            assertArrayEquals(Compute.one(new Dequantise(Blocks.FP4), Compute.run(Quantise.fp4(), keys)).toFloats(), keys.toFloats());
            Tensor plain = indexer(model, Rounding.NONE).keys(x, rope, batch, null);
            Tensor rotated = Compute.one(new Hadamard(), plain);
            assertArrayEquals(Compute.one(new Dequantise(Blocks.FP4), Compute.run(Quantise.fp4(), rotated)).toFloats(), keys.toFloats());
            assertFalse(Arrays.equals(rotated.toFloats(), keys.toFloats()));
        });
    }

    /// An indexer with the weights of the model's layer 3.
    private static Indexer indexer(DeepSeekV4 model, Rounding rounding) {
        var parameters = new Parameters(Arena.ofAuto(), (name, value, _) -> copy(model.parameters().named(name).value(), value));
        return new Indexer(model.config(), rounding, parameters.scope("layers.3.attn.indexer"));
    }

    private static Tensor arrayed(Arena arena, long... sizes) {
        Tensor x = Tensor.zeros(arena, DType.F32, Shape.of(sizes));
        for (long i = 0; i < x.shape().size(); i++) {
            x.data().setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i * 0.7));
        }
        return x;
    }

    @Test void aRoundedIndexerChangesChoicesAloneAndLearns() {
        withNarrow(BOTH, (model, arena) -> {
            var training = new DeepSeekV4Training(model, PLAIN.withIndexers(1, 0), arena);
            training.begin(1);
            Map<String, float[]> found = TrainingPass.of(training, 0, 1, text(4, 64));
            for (String tensor : new String[] {"wq_b.weight", "weights_proj.weight", "compressor.wkv.weight", "compressor.wgate.weight", "compressor.ape", "compressor.norm.weight"}) {
                double norm = 0;
                for (float value : found.get("layers.4.attn.indexer." + tensor)) {
                    norm += value * value;
                }
                assertTrue(norm > 1e-8 && norm < 100, tensor);
            }
            DeepSeekV4 plain = narrow(EXPERTS, arena);
            assertArrayEquals(logits(plain, 5, 19), logits(model, 5, 19), "all entries are seen");
            assertFalse(Arrays.equals(logits(plain, 5, 120), logits(model, 5, 120)), "some other entries are chosen");
        });
    }

    @Test void decodingGivesTheBitsOfTheWholeContext() {
        withNarrow(BOTH, (model, _) -> {
            int[] tokens = Arrays.copyOf(text(6, 70), 70);
            float[] wanted = logits(model, 6, 70);
            try (ContextCache cache = model.newCache(70)) {
                int vocab = model.vocabSize();
                for (int from = 0, to = 37; from < 70; from = to, to = Math.min(70, to + 11)) {
                    float[] found = model.forward(Batch.continuing(Compute.current().scratch(), Arrays.copyOfRange(tokens, from, to), from), cache).toFloats();
                    assertArrayEquals(Arrays.copyOfRange(wanted, from * vocab, to * vocab), found);
                }
            }
        });
    }

    @Test void anIndexerWhoseHeadsCannotBeRotatedIsRefused() {
        withNarrow(Rounding.NONE, (_, arena) -> {
            DeepSeekV4Config odd = TinyV4.config(TinyV4.TINY.replace("\"index_head_dim\": 16", "\"index_head_dim\": 24"));
            var refused = assertThrows(InputException.class, () -> new DeepSeekV4(odd, INDEXER, arena, (_, _, _) -> {}));
            assertTrue(refused.getMessage().contains("index_head_dim is 24, wanted a power of two"), refused::getMessage);
        });
    }
}
