package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerPropertyTest {
    @ParameterizedTest
    @ValueSource(strings = {"llama3", "deepseek", "gpt2", "o200k"})
    void decodingGivesTheTextBack(String name) {
        Tokenizer tokenizer = Goldens.tokenizer(name);
        for (long seed = 1; seed <= 500; seed++) {
            String text = new RandomTexts(seed).next(200);
            long shown = seed;
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, true), true), () -> name + " seed " + shown);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen", "deepseek", "gpt2", "added_tokens"})
    void aStreamOfTokensGivesTheSameText(String name) {
        Tokenizer tokenizer = Goldens.tokenizer(name);
        for (long seed = 1; seed <= 200; seed++) {
            var random = new RandomTexts(seed);
            int[] ids = seed % 2 == 0 ? tokenizer.encode(random.broken(100), true) : new int[random.nextInt(40)];
            for (int i = 0; seed % 2 == 1 && i < ids.length; i++) {
                ids[i] = random.nextInt(tokenizer.vocabSize() + 3);
            }
            boolean skip = seed % 3 == 0;
            TextStream stream = tokenizer.stream(skip);
            var text = new StringBuilder();
            for (int id : ids) {
                String piece = stream.accept(id);
                assertTrue(piece.codePoints().noneMatch(c -> c >= 0xD800 && c < 0xE000), "a piece ends inside a character");
                text.append(piece);
            }
            long shown = seed;
            assertEquals(tokenizer.decode(ids, skip), text.append(stream.finish()).toString(), () -> name + " seed " + shown);
        }
    }

    /// An encoder that has seen many words, more than it remembers, gives what a fresh one gives.
    @Test void whatAnEncoderRemembersChangesNothing() {
        Tokenizer tokenizer = Goldens.tokenizer("llama3");
        Encoder encoder = tokenizer.encoder();
        var random = new RandomTexts(11);
        for (int i = 0; i < 400; i++) {
            var text = new StringBuilder(random.next(100));
            for (int k = 0; k < 400; k++) {
                text.append(' ').append((char) ('a' + random.nextInt(26))).append((char) ('a' + random.nextInt(26))).append((char) ('a' + random.nextInt(26)))
                    .append((char) ('a' + random.nextInt(26)));
            }
            byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
            encoder.encode(bytes, 0, bytes.length, false);
            if (i % 40 == 0 || i > 390) {
                Encoder fresh = tokenizer.encoder();
                fresh.encode(bytes, 0, bytes.length, false);
                assertArrayEquals(fresh.ids(), encoder.ids());
            }
        }
    }

    @Test void threadsShareATokenizer() throws Exception {
        Tokenizer tokenizer = Goldens.tokenizer("qwen");
        List<int[]> alone = new ArrayList<>();
        for (long seed = 1; seed <= 50; seed++) {
            alone.add(tokenizer.encode(new RandomTexts(seed).next(300), true));
        }
        try (var pool = Executors.newFixedThreadPool(4)) {
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                done.add(pool.submit(() -> {
                    for (int seed = 1; seed <= 50; seed++) {
                        assertArrayEquals(alone.get(seed - 1), tokenizer.encode(new RandomTexts(seed).next(300), true));
                    }
                }));
            }
            for (Future<?> one : done) {
                one.get();
            }
        }
    }

    @Test void encoderReadsPartsOfArraysAndBuffers() {
        Encoder encoder = Goldens.tokenizer("gpt2").encoder();
        byte[] bytes = "xx the deer drinks yy".getBytes(StandardCharsets.UTF_8);
        encoder.encode("the deer drinks".getBytes(StandardCharsets.UTF_8), 0, 15, true);
        int[] wanted = encoder.ids();
        assertEquals(wanted.length, encoder.encode(bytes, 3, 18, true));
        assertArrayEquals(wanted, encoder.ids());
        ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).position(3).limit(18);
        encoder.encode(direct, true);
        assertArrayEquals(wanted, encoder.ids());
        assertEquals(3, direct.position());
        encoder.encode(ByteBuffer.wrap(bytes, 3, 15).asReadOnlyBuffer(), true);
        assertArrayEquals(wanted, encoder.ids());
        int[] target = new int[wanted.length + 2];
        encoder.copyTo(target, 1);
        assertEquals(wanted[0], target[1]);
        assertEquals(encoder.id(0), wanted[0]);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "deepseek", "gpt2", "o200k"})
    void encodingMakesNoGarbage(String name) {
        Encoder encoder = Goldens.tokenizer(name).encoder();
        byte[] text = "public final class River { private final int width = 12345; } // 小鹿 drinks 🦌 \n\t\t".repeat(50).getBytes(StandardCharsets.UTF_8);
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 200; i++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            encoder.encode(text, 0, text.length, true);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertEquals(0, least, "bytes allocated for one text");
    }

    @Test void savedFilesAreThoseThatWereRead(@TempDir Path folder) throws Exception {
        Tokenizer tokenizer = Goldens.tokenizer("deepseek");
        tokenizer.save(dev.xiaolu.platform.Disk.real(), folder.resolve("model"));
        assertArrayEquals(Goldens.bytes("deepseek/tokenizer.json"), java.nio.file.Files.readAllBytes(folder.resolve("model/tokenizer.json")));
        Tokenizer again = Tokenizer.load(folder.resolve("model"));
        assertArrayEquals(tokenizer.encode("小鹿 deer", true), again.encode("小鹿 deer", true));
        assertEquals(tokenizer.bos(), again.bos());
        assertArrayEquals(again.encode("x", true), Tokenizer.load(folder.resolve("model/tokenizer.json")).encode("x", true));
    }
}
