package dev.xiaolu.models.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Generation;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.KvCache;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.nn.RopeTable;
import dev.xiaolu.nn.Sampler;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LlamaTest {
    private static final int VOCAB = 97;
    private static final LlamaConfig CONFIG = new LlamaConfig(VOCAB, 48, 112, 2, 6, 2, 16, 1e-5f, 10_000,
            Optional.of(new RopeTable.Llama3Scaling(8, 1, 4, 64)), false, true, 400, 0.08f, List.of(1), List.of(2, 3));

    private static void withModel(Consumer<Llama> body) {
        try (Arena arena = Arena.ofShared(); Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch()) {
            Compute.call(backend, scratch, () -> {
                body.accept(new Llama(CONFIG, arena, new RandomFiller(RandomKey.ofSeed(3).at("init"))));
                return null;
            });
        }
    }

    private static int[] tokens(int count) {
        return IntStream.range(0, count).map(i -> (int) Long.remainderUnsigned(RandomKey.ofSeed(5).bits(i), VOCAB)).toArray();
    }

    private static float[] logits(Llama model, ContextCache cache, int[] tokens) {
        return model.forward(Batch.continuing(Compute.current().scratch(), tokens, cache.length()), cache).toFloats();
    }

    @Test void decodingAndAnyChunksGiveTheBitsOfTheWholePass() {
        int[] tokens = tokens(300);
        withModel(model -> {
            float[] wanted = model.forward(Batch.of(Compute.current().scratch(), new int[][] {tokens}, new int[1][300], 300)).toFloats();
            for (int[] cuts : new int[][] {{300}, {1, 1, 1, 1, 296}, {127, 1, 1, 128, 43}, {200, 1, 99}, {129, 171}}) {
                try (ContextCache cache = model.newCache(300)) {
                    int from = 0;
                    for (int cut : cuts) {
                        float[] found = logits(model, cache, Arrays.copyOfRange(tokens, from, from + cut));
                        assertArrayEquals(Arrays.copyOfRange(wanted, from * VOCAB, (from + cut) * VOCAB), found, "chunk of " + cut + " at " + from);
                        from += cut;
                    }
                }
            }
        });
    }

    @Test void aSequenceDoesNotDependOnItsNeighbours() {
        int[] tokens = tokens(120);
        int[][] rows = {Arrays.copyOfRange(tokens, 0, 40), Arrays.copyOfRange(tokens, 40, 80), Arrays.copyOfRange(tokens, 80, 120)};
        withModel(model -> {
            Scratch scratch = Compute.current().scratch();
            float[] together = model.forward(Batch.of(scratch, rows, new int[3][40], 40)).toFloats();
            for (int row = 0; row < 3; row++) {
                float[] alone = model.forward(Batch.of(scratch, new int[][] {rows[row]}, new int[1][40], 40)).toFloats();
                assertArrayEquals(Arrays.copyOfRange(together, row * 40 * VOCAB, (row + 1) * 40 * VOCAB), alone);
            }
        });
    }

    @Test void aRewoundCacheGoesOnAsIfNothingHadBeen() {
        int[] tokens = tokens(50);
        withModel(model -> {
            try (KvCache cache = model.newCache(60); KvCache fresh = model.newCache(60)) {
                logits(model, cache, Arrays.copyOf(tokens, 30));
                logits(model, cache, Arrays.copyOfRange(tokens, 40, 50));
                cache.rewind(30);
                ContextCache.Mark mark = cache.mark();
                logits(model, cache, Arrays.copyOfRange(tokens, 35, 50));
                cache.rewind(mark);
                logits(model, fresh, Arrays.copyOf(tokens, 30));
                assertArrayEquals(logits(model, fresh, Arrays.copyOfRange(tokens, 30, 35)), logits(model, cache, Arrays.copyOfRange(tokens, 30, 35)));
            }
        });
    }

    @Test void generationIsAFunctionOfPromptAndSeed() {
        withModel(model -> {
            int[] first = generated(model, 17);
            assertArrayEquals(first, generated(model, 17));
            assertFalse(Arrays.equals(first, generated(model, 18)), "another seed, another text");
        });
    }

    private static int[] generated(Llama model, long seed) {
        try (var generation = new Generation(model, new Sampler(0.8, 0.9, seed), 64)) {
            generation.feed(tokens(5));
            return IntStream.range(0, 40).map(_ -> generation.next()).toArray();
        }
    }

    @Test void tokensOutOfRangeAndFullContextsAreNamed() {
        withModel(model -> {
            try (var generation = new Generation(model, Sampler.greedy(), 8)) {
                generation.feed(1, 2);
                assertEquals("token 97 at position 3 is out of range, wanted 0 to 96", assertThrows(InputException.class, () -> generation.feed(96, 97)).getMessage());
                generation.feed(tokens(7));
                assertTrue(assertThrows(InputException.class, generation::next).getMessage().contains("wanted at most 8"));
            }
        });
    }

    @Test void savedModelsComeBackToTheBit(@TempDir Path folder) {
        withModel(model -> {
            LlamaWeights.save(Disk.real(), folder, model, DType.F32, 40_000);
            try (Arena arena = Arena.ofShared()) {
                Llama read = LlamaWeights.load(folder, arena);
                assertEquals(CONFIG, read.config());
                try (ContextCache one = model.newCache(20); ContextCache other = read.newCache(20)) {
                    assertArrayEquals(logits(model, one, tokens(20)), logits(read, other, tokens(20)));
                }
            }
        });
    }

    @Test void bf16RoundsOnceAndThenStays(@TempDir Path folder) {
        withModel(model -> {
            LlamaWeights.save(Disk.real(), folder, model, DType.BF16, 1 << 30);
            try (Arena arena = Arena.ofShared()) {
                Llama once = LlamaWeights.load(folder, arena);
                LlamaWeights.save(Disk.real(), folder.resolve("again"), once, DType.BF16, 1 << 30);
                Llama twice = LlamaWeights.load(folder.resolve("again"), arena);
                for (String name : once.parameters().names()) {
                    assertArrayEquals(once.parameters().named(name).value().toFloats(), twice.parameters().named(name).value().toFloats(), name);
                }
            }
        });
    }

    @Test void parametersAreCountedFromTheConfigAlone() {
        withModel(model -> assertEquals(CONFIG.parameterCount(), model.parameters().count()));
    }
}
