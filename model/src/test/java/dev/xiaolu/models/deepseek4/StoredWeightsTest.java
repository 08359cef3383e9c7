package dev.xiaolu.models.deepseek4;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights.Form;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.store.Safetensors;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.E8M0;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A model whose matrices stay in their files gives the bits of one that holds them, and reads only what it needs.
class StoredWeightsTest {
    private static final DeepSeekV4Config CONFIG = TinyV4.config(TinyV4.TINY.replace("1048576", "64"));
    private static final int[] TOKENS = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4, 6, 2, 6, 4};

    @TempDir Path folder;

    private Path saved(Form form, Arena arena) {
        Parameters drawn = TinyV4.parameters(CONFIG, true, arena, new RandomFiller(RandomKey.ofSeed(17)));
        Path into = folder.resolve(form.name());
        DeepSeekV4Weights.save(Disk.real(), into, CONFIG, drawn, form, 300_000);
        return into;
    }

    private static Batch batch(int... tokens) {
        return Batch.of(Compute.current().scratch(), new int[][] {tokens}, new int[][] {new int[tokens.length]}, tokens.length);
    }

    @ParameterizedTest @EnumSource(Form.class)
    void everyFormGivesTheBitsOfTheHeldModel(Form form) {
        TinyV4.computing(arena -> {
            Path model = saved(form, arena);
            DeepSeekV4 held = DeepSeekV4Weights.load(model, arena);
            DeepSeekV4 stored = DeepSeekV4Weights.loadStored(model, arena);
            assertArrayEquals(held.forward(batch(TOKENS)).toFloats(), stored.forward(batch(TOKENS)).toFloats());
            assertEquals(held.parameters().count(), stored.parameters().count());
            long inMemory = stored.parameters().all().stream().mapToLong(parameter -> parameter.shape().size()).sum();
            assertTrue(inMemory < held.parameters().count() / 2, "of %d parameters %d are in memory".formatted(held.parameters().count(), inMemory));
        });
    }

    @Test void decodingGivesTheBitsOfTheHeldModel() {
        TinyV4.computing(arena -> {
            Path model = saved(Form.NATIVE_QUANTISED, arena);
            assertArrayEquals(written(DeepSeekV4Weights.load(model, arena)), written(DeepSeekV4Weights.loadStored(model, arena)));
        });
    }

    /// The logits of the last of some tokens, one by one.
    private static float[] written(LanguageModel model) {
        try (ContextCache cache = model.newCache(TOKENS.length)) {
            float[] last = {};
            for (int i = 0; i < TOKENS.length; i++) {
                last = model.forward(Batch.continuing(Compute.current().scratch(), new int[] {TOKENS[i]}, i), cache).toFloats();
            }
            return last;
        }
    }

    /// An expert that a table gives to other tokens is damaged: nobody who does not choose it finds out.
    @Test void anExpertThatNobodyChoosesIsNotRead() {
        TinyV4.computing(arena -> {
            Path whole = saved(Form.NATIVE_QUANTISED, arena);
            Path damaged = folder.resolve("damaged");
            Tensor table;
            try (TensorSource source = TensorSource.open(whole)) {
                table = Tensor.of(source.type("layers.0.ffn.gate.tid2eid"), arena.allocate(source.type("layers.0.ffn.gate.tid2eid").bytes(), 64).copyFrom(source.tensor("layers.0.ffn.gate.tid2eid").data()));
                var tensors = new LinkedHashMap<String, Tensor>();
                source.names().forEach(name -> tensors.put(name, source.tensor(name)));
                Tensor scales = Tensor.zeros(arena, DType.F8_E8M0, source.type("layers.0.ffn.experts.5.w2.scale").shape());
                scales.data().fill((byte) E8M0.NAN);
                tensors.put("layers.0.ffn.experts.5.w2.scale", scales);
                Disk.real().createDirectories(damaged);
                Safetensors.write(Disk.real(), damaged.resolve("model.safetensors"), tensors, Map.of());
                Disk.real().replace(damaged.resolve("config.json"), Disk.real().read(whole.resolve("config.json")));
            }
            assertThrows(InputException.class, () -> DeepSeekV4Weights.load(damaged, arena));
            DeepSeekV4 stored = DeepSeekV4Weights.loadStored(damaged, arena);
            int without = token(table, false);
            assertArrayEquals(DeepSeekV4Weights.load(whole, arena).forward(batch(without)).toFloats(), stored.forward(batch(without)).toFloats());
            String message = assertThrows(InputException.class, () -> stored.forward(batch(token(table, true)))).getMessage();
            assertTrue(message.contains("tensor layers.0.ffn.experts.5.w2.scale: block [0, 0] has a scale that is no number"), message);
        });
    }

    /// Matrices left in their files are looked at when they are read for the first time.
    @Test void aMatrixThatIsNotFiniteIsRefusedWhenItIsUsed() {
        TinyV4.computing(arena -> {
            Parameters drawn = TinyV4.parameters(CONFIG, true, arena, new RandomFiller(RandomKey.ofSeed(17)));
            drawn.named("layers.2.attn.wo_b.weight").value().setFloat(Float.POSITIVE_INFINITY, 3, 4);
            DeepSeekV4Weights.save(Disk.real(), folder, CONFIG, drawn, Form.NATIVE_BF16, 300_000);
            DeepSeekV4 stored = DeepSeekV4Weights.loadStored(folder, arena);
            for (int time = 0; time < 2; time++) {
                String message = assertThrows(InputException.class, () -> stored.forward(batch(TOKENS))).getMessage();
                assertTrue(message.contains("tensor layers.2.attn.wo_b.weight: element [3, 4] is Infinity"), message);
            }
        });
    }

    /// The first token that meets expert 5 in the first layer, or does not.
    private static int token(Tensor table, boolean meets) {
        for (int token = 0; ; token++) {
            boolean found = false;
            for (int i = 0; i < table.shape().last(); i++) {
                found |= table.data().getAtIndex(JAVA_LONG, token * table.shape().last() + i) == 5;
            }
            if (found == meets) {
                return token;
            }
        }
    }

    @Test void storedWeightsHaveNoGradient() {
        TinyV4.computing(arena -> {
            DeepSeekV4 stored = DeepSeekV4Weights.loadStored(saved(Form.NATIVE_F32, arena), arena);
            assertFalse(stored.parameters().names().contains("layers.0.attn.wq_a.weight"));
            var tape = new Tape(stored.parameters().all(), 1);
            String message = assertThrows(IllegalArgumentException.class, () -> Compute.recording(tape, () -> stored.forward(batch(1, 2, 3)))).getMessage();
            assertTrue(message.contains("has no gradient"), message);
        });
    }
}
