package dev.xiaolu.models.deepseek4;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.testkit.Golden;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Going back in a context, and what comes then: the bits of a context in which nothing else had been. The model has windows of 16 and ratios of 4 and 32.
class HybridCacheTest {
    private static void withModel(Consumer<DeepSeekV4> body) {
        TinyV4.computing(1, arena -> body.accept(GoldenModel.of(Golden.open("deepseek4/tiny_a"), arena)));
    }

    private static int[] text(int length, int seed) {
        return new Random(seed).ints(length, 0, 512).toArray();
    }

    private static float[] read(DeepSeekV4 model, ContextCache cache, int... tokens) {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        float[] logits = model.forward(Batch.continuing(scratch, tokens, cache.length()), cache).toFloats();
        scratch.reset(before);
        return logits;
    }

    /// The logits of `tokens` read at once behind the first `from`.
    private static float[] wanted(DeepSeekV4 model, int from, int[] tokens) {
        try (ContextCache fresh = model.newCache(tokens.length)) {
            float[] all = read(model, fresh, tokens);
            return Arrays.copyOfRange(all, from * model.vocabSize(), all.length);
        }
    }

    private static int[] joined(int[] one, int length, int[] other) {
        int[] both = Arrays.copyOf(one, length + other.length);
        System.arraycopy(other, 0, both, length, other.length);
        return both;
    }

    /// Marks at every length from 0 to 70: around the window's border at 16, those of the ratios, and the places where rows move.
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 40})
    void fromEveryLengthOtherTokensGoOnAsIfTheFirstHadNotBeen(int chunk) {
        withModel(model -> {
            int[] first = text(140, 1);
            int[] other = text(37, 2);
            for (int length = 0; length <= 70; length++) {
                try (ContextCache cache = model.newCache(200)) {
                    if (length > 0) {
                        read(model, cache, Arrays.copyOf(first, length));
                    }
                    ContextCache.Mark mark = cache.mark();
                    for (int from = length; from < length + 2 * chunk; from += chunk) {
                        read(model, cache, Arrays.copyOfRange(first, from, from + chunk));
                    }
                    float[] wanted = wanted(model, length, joined(first, length, other));
                    for (int again = 0; again < 2; again++) {
                        cache.rewind(mark);
                        assertEquals(length, cache.length());
                        assertArrayEquals(wanted, read(model, cache, other), "from %d".formatted(length));
                    }
                }
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void theLastTokensAreTakenBackWithoutAMark(int seed) {
        withModel(model -> {
            var random = new Random(seed);
            int[] kept = {};
            int longest = 0;
            try (ContextCache cache = model.newCache(1000)) {
                while (kept.length < 150) {
                    int[] more = text(1 + random.nextInt(random.nextInt(4) == 0 ? 60 : 6), random.nextInt());
                    float[] found = read(model, cache, more);
                    assertArrayEquals(wanted(model, kept.length, joined(kept, kept.length, more)), found, "seed %d, %d tokens and %d more".formatted(seed, kept.length, more.length));
                    kept = joined(kept, kept.length, more);
                    longest = Math.max(longest, kept.length);
                    int least = Math.max(0, longest - ContextCache.BACK);
                    int length = least + random.nextInt(kept.length - least + 1);
                    cache.rewind(length);
                    kept = Arrays.copyOf(kept, length);
                }
            }
        });
    }

    @Test void goingBackFartherWithoutAMarkIsRefusedAndChangesNothing() {
        withModel(model -> {
            int[] tokens = text(60, 3);
            try (ContextCache cache = model.newCache(100)) {
                read(model, cache, Arrays.copyOf(tokens, 50));
                cache.rewind(40);
                String said = assertThrows(IllegalArgumentException.class, () -> cache.rewind(33)).getMessage();
                assertTrue(said.contains("back to 33 tokens, wanted at least 34"), said);
                assertArrayEquals(wanted(model, 40, tokens), read(model, cache, Arrays.copyOfRange(tokens, 40, 60)));
            }
        });
    }

    @Test void aMarkIsLostWhenItsCacheGoesBackBehindIt() {
        withModel(model -> {
            int[] tokens = text(60, 4);
            try (ContextCache cache = model.newCache(100); ContextCache stranger = model.newCache(100)) {
                ContextCache.Mark start = cache.mark();
                read(model, cache, Arrays.copyOf(tokens, 30));
                ContextCache.Mark later = cache.mark();
                read(model, cache, Arrays.copyOfRange(tokens, 30, 60));
                cache.rewind(later);
                cache.rewind(start);
                assertTrue(assertThrows(IllegalArgumentException.class, () -> cache.rewind(later)).getMessage().contains("the mark at 30 tokens was lost"));
                assertThrows(IllegalArgumentException.class, () -> stranger.rewind(start));
                assertArrayEquals(wanted(model, 0, tokens), read(model, cache, tokens));
            }
        });
    }

    @Test void aPassThatDoesNotContinueTheContextIsRefused() {
        withModel(model -> {
            try (ContextCache cache = model.newCache(100)) {
                read(model, cache, 1, 2, 3);
                Batch batch = Batch.continuing(Compute.current().scratch(), new int[] {4}, 2);
                assertTrue(assertThrows(IllegalArgumentException.class, () -> model.forward(batch, cache)).getMessage().contains("starts at position 2, wanted 3"));
            }
        });
    }

    @Test void onlyEntriesGrow() {
        withModel(model -> {
            try (ContextCache small = model.newCache(4); ContextCache large = model.newCache(1 << 20)) {
                assertTrue(large.bytes() < small.bytes() + 4 * 1024 * 400, "%d and %d bytes".formatted(small.bytes(), large.bytes()));
            }
        });
    }
}
