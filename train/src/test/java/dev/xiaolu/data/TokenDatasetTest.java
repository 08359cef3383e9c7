package dev.xiaolu.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenDatasetTest {
    @TempDir Path folder;
    private final List<Integer> tokens = new ArrayList<>();
    private final List<Integer> starts = new ArrayList<>();

    /// Documents of random length, with all their tokens in `tokens` and their starts in `starts`.
    private TokenDataset dataset(Encoding encoding, long shardTokens) throws IOException {
        Path texts = Files.createDirectories(folder.resolve("texts"));
        var random = new Random(5);
        for (int i = 0; i < 60; i++) {
            String text = i + "x".repeat(random.nextInt(90));
            Files.writeString(texts.resolve("%03d.txt".formatted(i)), text);
            starts.add(tokens.size());
            for (int id : encoding.encode(text.getBytes())) {
                tokens.add(id);
            }
            tokens.add(encoding.endOfText());
        }
        var corpus = Corpus.open(new Corpus.Config(List.of(texts), List.of(), "text", 0));
        return new CorpusBuilder(0, 2, shardTokens).prepare(Disk.real(), folder.resolve("cache" + shardTokens), corpus, encoding, _ -> {}).train();
    }

    private void assertSequences(TokenDataset dataset, int length) {
        assertEquals((tokens.size() - 1) / length, dataset.sequences(length));
        for (int n = 0; n < dataset.sequences(length); n++) {
            var sequence = dataset.sequence(n, length);
            int start = n * length;
            int[] wanted = tokens.subList(start, start + length + 1).stream().mapToInt(Integer::intValue).toArray();
            assertArrayEquals(wanted, sequence.tokens());
            for (int i = 0; i < length; i++) {
                int position = start + i;
                int document = starts.stream().filter(s -> s <= position).max(Integer::compare).orElseThrow();
                assertEquals(Math.max(0, document - start), sequence.first()[i], "position " + position);
            }
        }
    }

    @Test void sequencesTileTheTokensAndKnowTheirDocuments() throws IOException {
        try (var dataset = dataset(new Bytes(), 1000)) {
            for (int length : new int[] {1, 2, 7, 64, 500, 1001}) {
                assertSequences(dataset, length);
            }
        }
    }

    @Test void wideVocabulariesAreKeptInFourBytes() throws IOException {
        try (var dataset = dataset(new Bytes(100_000, "wide", b -> b + 70_000), 333)) {
            assertSequences(dataset, 50);
        }
    }

    @Test void everySequenceIsUsedOnceInEachEpochAndEachEpochHasItsOrder() throws IOException {
        try (var dataset = dataset(new Bytes(), 1000)) {
            int count = (int) dataset.sequences(16);
            for (long seed = 1; seed <= 20; seed++) {
                var orders = new HashSet<List<Long>>();
                var order = new ArrayList<Long>();
                int perStep = 6;
                for (int used = 0; used < 3 * count; used++) {
                    order.add(dataset.number(seed, used / perStep, used % perStep, perStep, 16));
                    if (order.size() == count) {
                        assertEquals(count, new HashSet<>(order).size(), "seed " + seed);
                        orders.add(List.copyOf(order));
                        order.clear();
                    }
                }
                assertEquals(3, orders.size(), "seed " + seed);
            }
        }
    }

    @Test void sequenceOfAStepDependsOnNothingButSeedAndPlace() throws IOException {
        try (var dataset = dataset(new Bytes(), 1000)) {
            int[] asked = dataset.at(7, 1000, 3, 8, 32).tokens();
            dataset.at(7, 3, 0, 8, 32);
            assertArrayEquals(asked, dataset.at(7, 1000, 3, 8, 32).tokens());
            assertArrayEquals(asked, dataset.at(7, 8003, 32).tokens());
            assertEquals(dataset.number(7, 250, 3, 8, 32), dataset.number(7, 500, 3, 4, 32));        // the 2003rd sequence, however steps are cut
            var others = new HashSet<Long>();
            for (long seed = 0; seed < 50; seed++) {
                others.add(dataset.number(seed, 0, 0, 8, 32));
            }
            assertTrue(others.size() > 20, "only " + others.size() + " first sequences for 50 seeds");
        }
    }

    @Test void datasetTooSmallForOneSequenceIsTold() throws IOException {
        try (var dataset = dataset(new Bytes(), 1000)) {
            int length = (int) dataset.tokens();
            String refusal = assertThrows(InputException.class, () -> dataset.at(1, 0, 0, 1, length)).getMessage();
            assertTrue(refusal.contains("tokens of 60 documents are too few for a sequence of " + length), refusal);
            assertEquals(dataset, dataset.atLeastOne(length - 1));
            assertThrows(IllegalArgumentException.class, () -> dataset.sequence(1, length - 1));
            assertThrows(IllegalArgumentException.class, () -> dataset.at(1, 0, 4, 4, 16));
        }
    }

    @Test void idThatTheTokenizerDoesNotHaveIsRefused() throws IOException {
        dataset(new Bytes(), 1000).close();
        Path prepared = Disk.real().list(folder.resolve("cache1000")).getFirst();
        byte[] bytes = Files.readAllBytes(prepared.resolve("train/tokens-00000.bin"));
        Arrays.fill(bytes, 0, 2, (byte) 0xFF);
        Files.write(prepared.resolve("train/tokens-00000.bin"), bytes);
        try (var dataset = PreparedCorpus.open(Disk.real(), prepared).train()) {
            String refusal = assertThrows(InputException.class, () -> dataset.sequence(0, 8)).getMessage();
            assertTrue(refusal.contains("token 0 is 65535, wanted less than 257; delete the folder, it is made anew"), refusal);
            assertNotEquals(0, dataset.sequence(1, 8).tokens().length);
        }
    }
}
