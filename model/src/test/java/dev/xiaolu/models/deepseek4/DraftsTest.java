package dev.xiaolu.models.deepseek4;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Drafter;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Generation;
import dev.xiaolu.nn.Sampler;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.GoldenWeights;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A text is the same whether tokens are guessed ahead or not. The model knows five tokens, so that guesses of random weights often stand.
class DraftsTest {
    private static final int VOCAB = 5;

    private static void withModel(Consumer<DeepSeekV4> body) {
        DeepSeekV4Config config = TinyV4.config(TinyV4.TINY.replace("\"vocab_size\": 512", "\"vocab_size\": " + VOCAB));
        TinyV4.computing(1, arena -> body.accept(new DeepSeekV4(config, arena, (name, value, initial) -> GoldenWeights.fill(name, value, initial instanceof Filler.Table(int ids) ? ids : 0))));
    }

    private static int[] text(int length, int seed) {
        return new Random(seed).ints(length, 0, VOCAB).toArray();
    }

    private static int[] written(Generation generation, int count) {
        return IntStream.range(0, count).map(_ -> generation.next()).toArray();
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 1", "0, 1, 2", "0.7, 0.95, 1", "0.7, 0.95, 2", "1, 1, 3", "1, 1, 4", "30, 1, 5", "0.2, 0.5, 6"})
    void aTextIsTheSameWithAnyNumberOfDrafts(double temperature, double topP, long seed) {
        var sampler = new Sampler(temperature, topP, seed);
        int[] prompt = text(3, (int) seed);
        withModel(model -> {
            int[] wanted;
            try (var plain = new Generation(model, sampler, 200)) {
                plain.feed(prompt);
                wanted = written(plain, 90);
                assertEquals(0, plain.drafted());
            }
            for (int drafts : new int[] {1, 2, 3, Drafter.MOST}) {
                try (var generation = new Generation(model, sampler, 200, drafts)) {
                    generation.feed(prompt);
                    assertArrayEquals(wanted, written(generation, 90), "%d drafts".formatted(drafts));
                    assertTrue(0 < generation.accepted() && generation.accepted() < generation.drafted(), "%d of %d stood".formatted(generation.accepted(), generation.drafted()));
                }
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 511, 512, 513, 700})
    void promptsAroundTheBordersOfChunksGiveTheSameText(int length) {
        var sampler = new Sampler(1, 1, length);
        withModel(model -> {
            try (var plain = new Generation(model, sampler, 800); var generation = new Generation(model, sampler, 800, 2)) {
                plain.feed(text(length, 7));
                generation.feed(text(length, 7));
                assertArrayEquals(written(plain, 30), written(generation, 30));
            }
        });
    }

    /// As a conversation does: an answer ends anywhere, also between tokens that stood, and other tokens follow.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6})
    void otherTokensMayFollowAtAnyMoment(int seed) {
        var random = new Random(seed);
        var sampler = new Sampler(seed % 2, 1, seed);
        withModel(model -> {
            try (var plain = new Generation(model, sampler, 400); var generation = new Generation(model, sampler, 400, 1 + seed)) {
                for (int turn = 0; turn < 25; turn++) {
                    int[] fed = text(turn == 0 ? 4 : random.nextInt(4), random.nextInt());
                    plain.feed(fed);
                    generation.feed(fed);
                    assertEquals(plain.length(), generation.length());
                    int count = random.nextInt(8);
                    assertArrayEquals(written(plain, count), written(generation, count), "seed %d, turn %d".formatted(seed, turn));
                }
            }
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void aTextEndsAtTheCapacity(int drafts) {
        withModel(model -> {
            for (int capacity = 4; capacity < 30; capacity++) {
                try (var plain = new Generation(model, Sampler.greedy(), capacity); var generation = new Generation(model, Sampler.greedy(), capacity, drafts)) {
                    plain.feed(text(4, 1));
                    generation.feed(text(4, 1));
                    while (plain.hasRoom()) {
                        assertTrue(generation.hasRoom());
                        assertEquals(plain.next(), generation.next());
                    }
                    assertFalse(generation.hasRoom());
                }
            }
        });
    }

    @Test void predictionsInPiecesHaveTheBitsOfTheWhole() {
        withModel(model -> {
            int[] tokens = text(61, 5);
            int length = tokens.length - 1;
            Scratch scratch = Compute.current().scratch();
            Tensor streams = model.streams(Batch.continuing(scratch, Arrays.copyOf(tokens, length), 0), _ -> {});
            float[] wanted = model.predicted(streams, Batch.continuing(scratch, Arrays.copyOfRange(tokens, 1, length + 1), 0)).toFloats();
            var random = new Random(6);
            HybridCache own = model.newPredictionCache(length);
            for (int from = 0; from < length; ) {
                int to = Math.min(length, from + 1 + random.nextInt(random.nextBoolean() ? 3 : 30));
                Tensor after = model.predict(own, streams.slice(1, from, to), Batch.continuing(scratch, Arrays.copyOfRange(tokens, from + 1, to + 1), from));
                assertArrayEquals(Arrays.copyOfRange(wanted, from * VOCAB, to * VOCAB), model.predictedLogits(after).toFloats());
                from = to;
            }
            own.close();
        });
    }

    @Test void aModelThatCannotGuessSaysSo() {
        DeepSeekV4Config config = TinyV4.config(TinyV4.TINY).withoutPrediction();
        TinyV4.computing(1, arena -> {
            var model = new DeepSeekV4(config, arena, (name, value, initial) -> GoldenWeights.fill(name, value, initial instanceof Filler.Table(int ids) ? ids : 0));
            String said = assertThrows(InputException.class, () -> new Generation(model, Sampler.greedy(), 10, 1)).getMessage();
            assertTrue(said.contains("no block that predicts the token after the next"), said);
            assertThrows(InputException.class, () -> new Generation(model, Sampler.greedy(), 10, Drafter.MOST + 1));
        });
    }
}
