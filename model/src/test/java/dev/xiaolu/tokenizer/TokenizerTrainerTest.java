package dev.xiaolu.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTrainerTest {
    private static final List<byte[]> LINES = Goldens.list(Goldens.json("trained.json").get("documents"), line -> line.stringValue().getBytes(StandardCharsets.UTF_8));

    @Test void learnsTheMergesOfHuggingFace() {
        var words = new WordCounts();
        WordSink splitter = PreTokenizerReader.split("test", TokenizerTrainer.DEFAULT_PATTERN).into(words);
        LINES.forEach(line -> splitter.accept(line, 0, line.length));
        var learner = new MergeLearner(words, Set.of());
        learner.learn(900, 2);
        List<List<String>> found = learner.merges().stream().map(m -> List.of(learner.tokens().get(m.left()), learner.tokens().get(m.right()))).toList();
        List<List<String>> wanted = Goldens.list(Goldens.json("trained.json").get("merges"), m -> List.of(m.get(0).stringValue(), m.get(1).stringValue()));
        assertTrue(wanted.size() > 200);
        assertEquals(wanted, found);
    }

    @Test void theOrderOfDocumentsDoesNotMatter(@TempDir Path folder) throws Exception {
        for (int seed = 0; seed < 5; seed++) {
            List<byte[]> shuffled = new ArrayList<>(LINES);
            Collections.shuffle(shuffled, new Random(seed));
            TokenizerTrainer.of(600).train(seed == 0 ? LINES : shuffled).save(Disk.real(), folder.resolve("t" + seed));
            assertArrayEquals(Files.readAllBytes(folder.resolve("t0/tokenizer.json")), Files.readAllBytes(folder.resolve("t" + seed + "/tokenizer.json")), "seed " + seed);
        }
    }

    /// Counts every pair anew before each merge: slow, and plainly the definition.
    @Test void eachMergeIsTheMostFrequentPair() {
        for (long seed = 1; seed <= 20; seed++) {
            var random = new RandomTexts(seed);
            List<String> words = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                var word = new StringBuilder();
                for (int k = 1 + random.nextInt(12); k > 0; k--) {
                    word.append((char) ('a' + random.nextInt(3)));
                }
                words.add(word.toString());
            }
            var counts = new WordCounts();
            words.forEach(word -> counts.accept(word.getBytes(StandardCharsets.UTF_8), 0, word.length()));
            var learner = new MergeLearner(counts, Set.of());
            learner.learn(256 + 40, 2);
            assertEquals(defined(words, 40), learner.merges().stream().map(m -> learner.tokens().get(m.left()) + " " + learner.tokens().get(m.right())).toList(), "seed " + seed);
        }
    }

    private static List<String> defined(List<String> words, int most) {
        List<String> tokens = new ArrayList<>();
        for (byte b : ByteAlphabet.ORDER) {
            tokens.add(String.valueOf(ByteAlphabet.character(b)));
        }
        List<List<String>> split = new ArrayList<>();
        words.forEach(word -> split.add(new ArrayList<>(List.of(word.split("")))));
        List<String> merges = new ArrayList<>();
        while (tokens.size() < 256 + most) {
            var pairs = new java.util.TreeMap<List<Integer>, Integer>((a, b) -> !a.get(0).equals(b.get(0)) ? a.get(0) - b.get(0) : a.get(1) - b.get(1));
            for (List<String> word : split) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    pairs.merge(List.of(tokens.indexOf(word.get(i)), tokens.indexOf(word.get(i + 1))), 1, Integer::sum);
                }
            }
            List<Integer> best = null;
            for (var pair : pairs.entrySet()) {
                if (pair.getValue() >= 2 && (best == null || pair.getValue() > pairs.get(best))) {
                    best = pair.getKey();
                }
            }
            if (best == null) {
                break;
            }
            String left = tokens.get(best.get(0));
            String right = tokens.get(best.get(1));
            merges.add(left + " " + right);
            if (!tokens.contains(left + right)) {
                tokens.add(left + right);
            }
            for (List<String> word : split) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    if (word.get(i).equals(left) && word.get(i + 1).equals(right)) {
                        word.set(i, left + right);
                        word.remove(i + 1);
                    }
                }
            }
        }
        return merges;
    }

    @Test void specialTokensComeLastAndAreNeverText() {
        List<byte[]> documents = List.of("<|im_start|>user <|im_start|>user <|im_start|>user".repeat(50).getBytes(StandardCharsets.UTF_8));
        Tokenizer tokenizer = TokenizerTrainer.of(400).train(documents);
        int first = tokenizer.vocabSize() - 4;
        assertEquals(first, tokenizer.bos().orElseThrow());
        assertEquals(first + 1, tokenizer.eos().orElseThrow());
        assertEquals(first + 2, tokenizer.idOf("<|im_start|>").orElseThrow());
        assertArrayEquals(new int[] {first, first + 2}, tokenizer.encode("<|im_start|>", true));
        assertTrue(tokenizer.isSpecial(first + 3));
    }

    @Test void aReservedTextIsNeverMerged() {
        var words = new WordCounts();
        byte[] word = "abcd".getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 10; i++) {
            words.accept(word, 0, 4);
        }
        var learner = new MergeLearner(words, Set.of("abcd"));
        learner.learn(300, 2);
        assertTrue(learner.tokens().stream().noneMatch("abcd"::equals));
        assertEquals(2, learner.merges().size());
    }

    @Test void aTrainedTokenizerKeepsAnyText() {
        Tokenizer tokenizer = TokenizerTrainer.of(500).train(LINES);
        assertEquals(500, tokenizer.vocabSize());
        for (long seed = 1; seed <= 100; seed++) {
            String text = new RandomTexts(seed).next(100);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, true), true), "seed " + seed);
        }
    }

    @Test void anyPatternMaySplitTheWords() {
        Tokenizer tokenizer = new TokenizerTrainer(300, "[a-z]+|\\s+", TokenizerTrainer.DEFAULT_SPECIAL_TOKENS, 2).train(LINES);
        assertTrue(tokenizer.tokenOf(256).isPresent());
        assertEquals("a1b 2", tokenizer.decode(tokenizer.encode("a1b 2", true), true));
    }

    @Test void aSmallCorpusGivesASmallerVocabulary() {
        Tokenizer tokenizer = TokenizerTrainer.of(8192).train(List.of("aa aa".getBytes(StandardCharsets.UTF_8)));
        assertTrue(tokenizer.vocabSize() < 270, () -> "size " + tokenizer.vocabSize());
    }

    @Test void wrongWishesAreRefused() {
        assertMessage("vocabulary size: 259, wanted at least 260", () -> TokenizerTrainer.of(259));
        assertMessage("vocabulary size: -1", () -> TokenizerTrainer.of(-1));
        assertMessage("vocabulary size: 2147483647, wanted at most", () -> TokenizerTrainer.of(Integer.MAX_VALUE));
        assertMessage("corpus: no text", () -> TokenizerTrainer.of(300).train(List.of()));
        assertMessage("corpus: no text", () -> TokenizerTrainer.of(300).train(List.of(new byte[0], new byte[0])));
        assertMessage("is there twice", () -> new TokenizerTrainer(300, "a", List.of("<a>", "<a>"), 2));
        assertMessage("too short", () -> new TokenizerTrainer(300, "a", List.of("<a>", "b"), 2));
        assertMessage("at least two", () -> new TokenizerTrainer(300, "a", List.of("<a>"), 2));
        assertMessage("'(' without its ')'", () -> new TokenizerTrainer(300, "(a", List.of("<a>", "<b>"), 2));
        assertMessage("least count", () -> new TokenizerTrainer(300, "a", List.of("<a>", "<b>"), 0));
    }

    private static void assertMessage(String part, Runnable wrong) {
        String message = assertThrows(InputException.class, wrong::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
