package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.prompt.Completion;
import dev.xiaolu.prompt.ToolCall;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.testkit.ConversationTokenizer;
import dev.xiaolu.testkit.Golden;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Conversations in DeepSeek-V4's form, on a small random model with a tokenizer of that kind.
class PromptedChatTest {
    private static final String MESSAGES = "[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"reasoning_content\": \"why\", \"content\": \"Yo\"}, {\"role\": \"user\", \"content\": \"a\"}]";

    @TempDir static Path temp;
    private static Path model;

    @BeforeAll static void drawAModel() {
        model = temp.resolve("model");
        DeepSeekV4Config config = DeepSeekV4Weights.config(Golden.open("deepseek4/tiny_a").folder().resolve("model"));
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                var drawn = new DeepSeekV4(config, arena, new RandomFiller(RandomKey.ofSeed(7)));
                DeepSeekV4Weights.save(Disk.real(), model, config, drawn.parameters(), DeepSeekV4Weights.Form.NATIVE_F32, 1 << 21);
                return null;
            });
        }
        Disk.real().replace(model.resolve("tokenizer.json"), ConversationTokenizer.small());
    }

    private static Run encode(String... more) throws Exception {
        Path file = Files.writeString(temp.resolve("messages.json"), MESSAGES);
        String[] words = {"tokenizer", "encode", "--model", model.toString(), "--chat", file.toString()};
        String[] all = java.util.Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return Run.of(all);
    }

    @Test void aConversationIsPrintedAsTextAndTokens() throws Exception {
        Run run = encode("--thinking", "high");
        assertEquals(0, run.code(), run.err());
        List<String> lines = run.out().lines().toList();
        assertEquals("<｜begin▁of▁sentence｜><｜User｜>Hi<｜Assistant｜></think>Yo<｜end▁of▁sentence｜><｜User｜>a<｜Assistant｜><think>", lines.get(0));
        assertTrue(lines.get(1).matches("0,270,\\d+,\\d+,271,273,\\d+,\\d+,1,270,\\d+,271,272"), lines.get(1));
        JsonNode json = JsonMapper.shared().readTree(encode("--thinking", "high", "--keep-reasoning", "--json").out());
        assertTrue(json.path("text").asString().contains("<think>why</think>Yo"), json.toString());
        assertTrue(json.path("ids").size() > 13 && json.path("ids").get(0).isInt(), json.toString());
    }

    @Test void whatDoesNotGoTogetherIsWrongUsage() throws Exception {
        assertEquals(2, encode("text").code());
        assertEquals(2, encode("--thinking", "deep").code());
        assertEquals(2, Run.of("tokenizer", "encode", "--model", model.toString(), "--thinking", "high", "text").code());
        Run chat = Run.of("chat", "--model", model.toString(), "--thinking", "deep");
        assertEquals(2, chat.code());
        assertTrue(chat.err().contains("--thinking is 'deep', wanted off, high or max"), chat.err());
    }

    @Test void theHighestEffortNamesTheFileThatItNeeds() throws Exception {
        for (Run run : List.of(encode("--thinking", "max"), Run.of("chat", "--model", model.toString(), "--thinking", "max"))) {
            assertEquals(1, run.code());
            assertTrue(run.err().contains(model.resolve("encoding/encoding_dsv4.py") + ": wanted the file that ships beside the published weights"), run.err());
        }
    }

    @Test void aModelOfTheFamilyIsSpokenToInItsForm() {
        String[] words = {"chat", "--model", model.toString(), "--system", "Be brief.", "--max-tokens", "8", "--temperature", "1"};
        Run off = Run.typing("Hi\n\nand\n/new\na\n/exit\nnever\n", words);
        assertEquals(0, off.code(), off.err());
        assertTrue(off.err().contains("spoken to as DeepSeek-V4 is, answers at once") && off.err().contains("(a new conversation)"), off.err());
        assertFalse(off.out().isBlank());
        String[] thinking = java.util.Arrays.copyOf(words, words.length + 2);
        thinking[words.length] = "--thinking";
        thinking[words.length + 1] = "high";
        Run high = Run.typing("Hi\nand\n", thinking);
        assertEquals(0, high.code(), high.err());
        assertTrue(high.err().contains("reasons first"), high.err());
        assertTrue(high.out().isBlank() || high.err().lines().count() > 1, "a random model hardly ends its reasoning within 8 tokens: " + high.out());
    }

    @Test void aModelOfAnotherFamilyHasNoLevels() throws Exception {
        Path other = Files.createDirectories(temp.resolve("other"));
        try (var files = Files.list(Golden.open("llama/llama3").folder().resolve("model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, other.resolve(file.getFileName()));
            }
        }
        Disk.real().replace(other.resolve("tokenizer.json"), ConversationTokenizer.small());
        Run run = Run.of("chat", "--model", other.toString(), "--thinking", "off");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("is not spoken to as DeepSeek-V4 is"), run.err());
    }

    @Test void reasoningIsDimmedOnATerminalAndBesideTheOutputElsewhere() {
        for (boolean terminal : new boolean[] {true, false}) {
            var out = new ByteArrayOutputStream();
            var err = new ByteArrayOutputStream();
            var voice = new ReasoningVoice(new Console(new ByteArrayInputStream(new byte[0]), new PrintStream(out, true, StandardCharsets.UTF_8), new PrintStream(err, true, StandardCharsets.UTF_8)), terminal);
            voice.reasoning("let me ");
            voice.reasoning("see");
            voice.content("yes");
            voice.toolCall(new ToolCall("", "f", "{}"));
            voice.finish(new Completion("let me see", "yes", List.of(), false, Optional.of(new Completion.Fault(3, 1, 4, "x")), " rest"), true);
            String said = out.toString(StandardCharsets.UTF_8).replace("\r", "");
            assertTrue(said.endsWith("yes\n[calls f {}] rest (stopped)\n"), said);
            assertEquals(terminal, said.contains("let me see"));
            assertEquals(!terminal, err.toString(StandardCharsets.UTF_8).contains("let me see"));
            assertTrue(err.toString(StandardCharsets.UTF_8).contains("(completion: line 1 column 4: x)"));
        }
    }
}
