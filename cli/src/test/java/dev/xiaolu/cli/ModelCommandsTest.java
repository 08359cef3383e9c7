package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.tokenizer.TokenizerTrainer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The commands that read a model, on a golden model with a tokenizer trained here.
class ModelCommandsTest {
    private static final float LOGITS = 1e-4f;

    @TempDir static Path temp;
    private static Path model;
    private static JsonNode config;

    @BeforeAll static void putATokenizerBesideTheGoldenModel() throws Exception {
        model = Files.createDirectories(temp.resolve("model"));
        try (var files = Files.list(Golden.open("llama/llama3").folder().resolve("model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        config = JsonMapper.shared().readTree(Files.readAllBytes(model.resolve("config.json")));
        int vocab = config.path("vocab_size").asInt();
        byte[] text = "public class A { int size() { return size; } } /** Returns the size. */ class B extends A {}".repeat(20).getBytes(StandardCharsets.UTF_8);
        TokenizerTrainer.of(Math.max(vocab, 260)).train(List.of(text)).save(Disk.real(), model);
    }

    private static int vocab() {
        return config.path("vocab_size").asInt();
    }

    @Test void logitsAreThoseOfTheRecorder() {
        try (TensorSource wanted = TensorSource.open(Golden.open("llama/llama3").folder().resolve("logits.safetensors"))) {
            var tokens = wanted.tensor("tokens.130");
            String ids = IntStream.range(0, 130).mapToObj(i -> Integer.toString(tokens.getInt(i))).collect(Collectors.joining(","));
            Path out = temp.resolve("logits.safetensors");
            Run run = Run.of("logits", "--model", model.toString(), "--tokens", ids, "--out", out.toString());
            assertEquals(0, run.code(), run.err());
            try (TensorSource found = TensorSource.open(out)) {
                assertEquals(List.of("logits"), List.copyOf(found.names()));
                assertEquals(Shape.of(130, vocab()), found.type("logits").shape());
                assertArrayEquals(wanted.tensor("logits.130").toFloats(), found.tensor("logits").toFloats(), LOGITS);
            }
        }
    }

    @Test void gradsAreThoseOfTheRecorder() {
        Golden golden = Golden.open("llama/llama3");
        Path out = temp.resolve("grads.safetensors");
        Run run = Run.of("grads", "--model", model.toString(), "--batch", golden.folder().resolve("batch.json").toString(), "--out", out.toString(), "--threads", "1");
        assertEquals(0, run.code(), run.err());
        try (TensorSource wanted = TensorSource.open(golden.folder().resolve("grads.safetensors")); TensorSource found = TensorSource.open(out)) {
            assertEquals(Shape.of(), found.type("loss").shape());
            for (String name : wanted.names()) {
                float[] expected = wanted.tensor(name).toFloats();
                float[] got = found.tensor(name).toFloats();
                assertEquals(expected.length, got.length, name);
                double norm = Math.sqrt(IntStream.range(0, expected.length).mapToDouble(i -> (double) expected[i] * expected[i]).sum());
                double off = Math.sqrt(IntStream.range(0, expected.length).mapToDouble(i -> Math.pow(expected[i] - got[i], 2)).sum());
                assertTrue(off <= 1e-4 * norm + 1e-9, name + " is off by " + off / norm);
            }
        }
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {
        "[]|an empty list", "{\"a\":1}|something else", "[[1,2],[3]]|list 1 has 1 token ids, wanted 2 as list 0 has", "[[1]]|list 0 has 1 token ids, wanted at least 2", "[[1,-5]]|token -5", "[[1,99999999]]|token 99999999",
        "[[1,2.5]]|2.5 at position 1", "[[1,\"a\"]]|at position 1", "[1,2]|list 0 has 0 token ids", "[[1,2|no JSON: Unexpected end-of-input: expected close marker for Array"})
    void aBatchThatIsNoneIsRefusedByName(String json, String part) throws Exception {
        Path batch = Files.writeString(temp.resolve("bad.json"), json);
        Run run = Run.of("grads", "--model", model.toString(), "--batch", batch.toString(), "--out", temp.resolve("never.safetensors").toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("bad.json") && run.err().contains(part), run.err());
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {"1,x|2|whole numbers", "1,,2|2|whole numbers", "99999|1|token 99999 at position 0 is out of range", "-1|1|out of range"})
    void tokensThatAreNoneAreRefused(String tokens, int code, String part) {
        Run run = Run.of("logits", "--model", model.toString(), "--tokens=" + tokens, "--out", temp.resolve("never.safetensors").toString());
        assertEquals(code, run.code(), run.err());
        assertTrue(run.err().contains(part), run.err());
    }

    @Test void theSameSeedGivesTheSameTextAndThreadsDoNotMatter() {
        String[] words = {"generate", "--model", model.toString(), "--prompt", "public class ", "--max-tokens", "12", "--temperature", "1", "--top-p", "0.9", "--seed", "7"};
        Run first = Run.of(words);
        assertEquals(0, first.code(), first.err());
        String[] threads = Arrays.copyOf(words, words.length + 2);
        threads[words.length] = "--threads";
        threads[words.length + 1] = "3";
        assertEquals(first.out(), Run.of(threads).out());
        words[words.length - 1] = "8";
        assertTrue(!first.out().equals(Run.of(words).out()), "another seed, the same text: " + first.out());
    }

    @Test void generateAsJsonCountsTokens() {
        Run run = Run.of("generate", "--model", model.toString(), "--prompt", "int ", "--max-tokens", "5", "--temperature", "0", "--json");
        JsonNode object = JsonMapper.shared().readTree(run.out());
        assertTrue(object.path("tokens").asInt() >= 1 && object.path("tokens").asInt() <= 5, run.out());
        assertEquals("int ", object.path("prompt").asString());
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {"--max-tokens 0|--max-tokens is 0", "--temperature -1|--temperature is -1.0", "--top-p 0|--top-p is 0.0", "--top-p 1.5|--top-p is 1.5",
        "--temperature NaN|--temperature is NaN", "--seed x|--seed", "--threads -1|--threads is -1", "--backend abacus|--backend is 'abacus', wanted one of auto, cpu, reference"})
    void impossibleSamplingIsWrongUsage(String words, String part) {
        String[] two = words.split(" ");
        Run run = Run.of("generate", "--model", model.toString(), "--prompt", "a", two[0] + "=" + two[1]);
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains(part), run.err());
    }

    @Test void promptAndFileTogetherAreWrongUsage() {
        assertEquals(2, Run.of("generate", "--model", model.toString()).code());
        assertEquals(2, Run.of("generate", "--model", model.toString(), "--prompt", "a", "--prompt-file", "b").code());
    }

    @Test void aFolderWithoutAModelIsRefusedWithWhatWasWanted() throws Exception {
        Path empty = Files.createDirectories(temp.resolve("empty"));
        Run run = Run.of("generate", "--model", empty.toString(), "--prompt", "a");
        assertEquals(1, run.code());
        assertTrue(run.err().contains("wanted a folder with config.json") && run.err().contains("a folder without them"), run.err());
    }

    @Test void aRunWithoutACheckpointSaysHowToGoOn() throws Exception {
        Path run = Files.createDirectories(temp.resolve("bare run"));
        Files.writeString(run.resolve("config.yaml"), "");
        Run tried = Run.of("inspect", run.toString());
        assertEquals(1, tried.code());
        assertTrue(tried.err().contains("./xiaolu resume"), tried.err());
    }

    @Test void tokensAndTextGoBothWays() {
        String text = "int größe = 1; // 😀";
        Run encoded = Run.of("tokenizer", "encode", "--model", model.toString(), text);
        assertEquals(0, encoded.code(), encoded.err());
        Run decoded = Run.of("tokenizer", "decode", "--model", model.toString(), encoded.out().strip());
        assertEquals(text + System.lineSeparator(), decoded.out());
        assertEquals(encoded.out(), Run.typing(text, "tokenizer", "encode", "--model", model.toString(), "--file", "-").out());
    }

    @Test void encodeWithoutTextIsWrongUsage() {
        Run run = Run.of("tokenizer", "encode", "--model", model.toString());
        assertEquals(2, run.code());
        assertTrue(run.err().contains("wanted a text or --file"), run.err());
    }

    @Test void aTokenOutOfRangeIsRefused() {
        Run run = Run.of("tokenizer", "decode", "--model", model.toString(), "12345678");
        assertEquals(1, run.code());
        assertTrue(run.err().contains("token 12345678 is out of range"), run.err());
    }

    @Test void inspectTellsSizesAndTheDigest() {
        Run run = Run.of("inspect", model.toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("hidden_size") && run.out().contains("digest of weights"), run.out());
        Run digest = Run.of("inspect", model.toString(), "--digest");
        assertTrue(digest.out().matches("[0-9a-f]{64}\\R"), digest.out());
        assertTrue(run.out().contains(digest.out().strip()));
        assertEquals(digest.out(), Run.of("inspect", model.toString(), "--digest", "--backend", "reference").out());
    }

    @ParameterizedTest @ValueSource(strings = {"--tensors", "--json"})
    void inspectHasATableForScripts(String option) {
        Run run = Run.of("inspect", model.toString(), option);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains(option.equals("--json") ? "\"what\"" : "model.embed_tokens.weight"), run.out());
    }

    @Test void numbersInJsonAreNumbers() {
        JsonNode facts = JsonMapper.shared().readTree(Run.of("inspect", model.toString(), "--json").out());
        JsonNode parameters = facts.valueStream().filter(one -> one.path("what").asString().equals("parameters")).findFirst().orElseThrow().path("value");
        assertTrue(parameters.isNumber() && parameters.asLong() > 1000, facts.toString());
        JsonNode tensor = JsonMapper.shared().readTree(Run.of("inspect", model.toString(), "--tensors", "--json").out()).get(0);
        assertTrue(tensor.path("shape").isArray() && tensor.path("shape").get(0).isNumber(), tensor.toString());
        assertTrue(JsonMapper.shared().readTree(Run.of("tokenizer", "encode", "--model", model.toString(), "--json", "a").out()).get(0).path("id").isInt());
    }

    @Test void aPlaceThatCannotBeWrittenIsRefusedBeforeTheWorkAndNothingIsLeftThere() throws Exception {
        for (Path out : List.of(temp.resolve("absent/x.safetensors"), model)) {
            Run run = Run.of("logits", "--model", model.toString(), "--tokens", "1", "--out", out.toString());
            assertEquals(1, run.code());
            assertTrue(run.err().contains("--out " + out + ": wanted a file in a folder that exists"), run.err());
        }
        try (var left = Files.list(temp)) {
            assertTrue(left.noneMatch(path -> path.getFileName().toString().endsWith(".new")));
        }
    }

    @Test void aConversationOverAPipeAnswersEachLine() {
        Run run = Run.typing("int a\n\n/new\nclass\n/exit\nnever\n", "chat", "--model", model.toString(), "--max-tokens", "3", "--temperature", "0");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.err().contains("goes on writing your text") && run.err().contains("(a new conversation)"), run.err());
        assertTrue(run.out().lines().count() >= 2, run.out());
    }

    @Test void evalGivesTheSameLossForAnyNumberOfThreads() throws Exception {
        Path text = Files.writeString(temp.resolve("text.java"), "class A { int size() { return 1; } }\n".repeat(30));
        Run run = Run.of("eval", "--model", model.toString(), "--data", text.toString(), "--json", "--threads", "1");
        assertEquals(0, run.code(), run.err());
        JsonNode found = JsonMapper.shared().readTree(run.out());
        assertEquals(30 * 37, found.path("bytes").asLong(), 37);
        assertEquals(found.path("loss").asDouble() * found.path("tokens").asLong() / found.path("bytes").asLong() / Math.log(2), found.path("bits_per_byte").asDouble(), 1e-9);
        assertTrue(found.path("loss").asDouble() > 1 && found.path("documents").asInt() == 1, run.out());
        assertEquals(run.out(), Run.of("eval", "--model", model.toString(), "--data", text.toString(), "--json", "--threads", "3").out());
        assertTrue(Run.of("eval", "--model", model.toString(), "--data", text.toString()).out().contains("bits per byte "));
    }

    @Test void evalOfAMissingTextNamesIt() {
        Run run = Run.of("eval", "--model", model.toString(), "--data", temp.resolve("absent.txt").toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("--data: ") && run.err().contains("absent.txt"), run.err());
    }

    @Test void aTokenizerTrainedOnTextEncodesIt() throws Exception {
        Path folder = Files.createDirectories(temp.resolve("corpus"));
        Files.writeString(folder.resolve("a.java"), "public final class Apple { int apple = 1; }\n".repeat(50));
        Files.writeString(folder.resolve("b.java"), "public final class Berry { int berry = 2; }\n".repeat(50));
        Path out = temp.resolve("my tokenizer");
        Run run = Run.of("tokenizer", "train", "--data", folder.toString(), "--vocab-size", "300", "--out", out.toString());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("2 documents"), run.out());
        Run encoded = Run.of("tokenizer", "encode", "--model", out.toString(), "public final class Berry", "--json");
        JsonNode tokens = JsonMapper.shared().readTree(encoded.out());
        assertTrue(tokens.size() < 10, encoded.out());
        assertEquals("public final class Berry", tokens.valueStream().map(token -> token.path("text").asString()).collect(Collectors.joining()));
    }

    @Test void aVocabularyTooSmallForAllBytesIsRefused() {
        Run run = Run.of("tokenizer", "train", "--data", model.toString(), "--vocab-size", "100", "--out", temp.resolve("never").toString());
        assertEquals(2, run.code());
        assertTrue(run.err().contains("wanted at least"), run.err());
    }

    @Test void benchGemmPrintsRatiosAndJson() {
        Run run = Run.of("bench", "gemm", "--threads", "1", "--shape", "48,32,40,nt", "--rounds", "1", "--millis", "1", "--json");
        assertEquals(0, run.code(), run.err());
        assertTrue(JsonMapper.shared().readTree(run.out()).path("rows").get(0).path("ratio").asDouble() > 0, run.out());
        Run table = Run.of("bench", "gemm", "--threads", "1", "--shape", "48,32,40,nt", "--rounds", "1", "--millis", "1");
        assertTrue(table.out().contains("measured peak") && table.out().contains("ratio"), table.out());
    }

    @Test void aShapeThatIsNoneIsRefused() {
        Run run = Run.of("bench", "gemm", "--shape", "1,2,3");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("wanted m,n,k,orientation"), run.err());
        assertEquals(2, Run.of("bench", "decode", "--tokens", "0").code());
        assertEquals(2, Run.of("bench").code());
        assertTrue(Run.of("bench", "context", "--longest", "64kb").err().contains("--longest is '64kb', wanted a number of tokens such as 4096, 64Ki or 1Mi"));
        assertEquals(2, Run.of("bench", "context", "--longest", "2Mi").code());
        assertEquals(2, Run.of("bench", "gemm", "--rounds", "0").code());
    }
}
