package dev.xiaolu.prompt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.testkit.ConversationTokenizer;
import dev.xiaolu.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PromptEncoderTest {
    private static final Tokenizer TOKENIZER = Tokenizer.of("tokenizer.json", ConversationTokenizer.small(), Optional.empty());
    private static final String BEGIN = "<｜begin▁of▁sentence｜>", END = "<｜end▁of▁sentence｜>", U = "<｜User｜>", A = "<｜Assistant｜>";

    @TempDir static Path folder;
    private static PromptEncoder encoder;
    private static PromptEncoder plain;

    @BeforeAll static void readTemplates() throws Exception {
        encoder = new PromptEncoder(StandIn.templates(folder));
        plain = new PromptEncoder(StandIn.none(folder.resolve("absent")));
    }

    private static List<Message> read(String json) {
        return ConversationReader.read("chat.json", json.replace('\'', '"').getBytes(StandardCharsets.UTF_8));
    }

    private static String text(String json, Thinking thinking) {
        return encoder.encode(read(json), thinking).text();
    }

    private static final String TWO_TURNS = "[{'role': 'system', 'content': 'S'}, {'role': 'user', 'content': 'a'}, {'role': 'assistant', 'reasoning_content': 'r', 'content': 'b'}, {'role': 'user', 'content': 'c'}]";

    @Test void withoutThinkingEveryAnswerBeginsBehindItsEnd() {
        assertEquals(BEGIN + "S" + U + "a" + A + "</think>b" + END + U + "c" + A + "</think>", text(TWO_TURNS, Thinking.OFF));
    }

    @Test void earlierReasoningIsLeftOut() {
        assertEquals(BEGIN + "S" + U + "a" + A + "</think>b" + END + U + "c" + A + "<think>", text(TWO_TURNS, Thinking.HIGH));
        assertEquals(BEGIN + "S" + U + "a" + A + "<think>r</think>b" + END + U + "c" + A + "<think>", encoder.encode(read(TWO_TURNS), Thinking.HIGH, false).text());
    }

    @Test void reasoningBehindTheLastQuestionStays() {
        assertEquals(BEGIN + U + "a" + A + "<think>r</think>b" + END, text("[{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'reasoning': 'r', 'content': 'b'}]", Thinking.HIGH));
        assertEquals(BEGIN + U + "a" + A + "<think>r</think>b", text("[{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'reasoning': 'r', 'content': 'b', 'wo_eos': true}]", Thinking.HIGH));
    }

    @Test void theHighestEffortIsToldFirst() {
        assertEquals(BEGIN + "Take your time.\n\nS" + U + "a" + A + "</think>b" + END + U + "c" + A + "<think>", text(TWO_TURNS, Thinking.MAX));
        assertTrue(assertThrows(InputException.class, () -> plain.encode(read(TWO_TURNS), Thinking.MAX)).getMessage().contains("encoding/encoding_dsv4.py: wanted"));
        assertTrue(plain.encode(read(TWO_TURNS), Thinking.HIGH).text().endsWith("<think>"));
    }

    @Test void toolsAreToldAndKeepAllReasoning() {
        String json = "{'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': {'ä': [1.50, 1E+22, true]}}}], 'response_format': {'type': 'json'}, 'messages': " + TWO_TURNS + "}";
        String told = StandIn.TOOLS.replace("{dsml_token}", "｜DSML｜").replace("{thinking_start_token}", "<think>").replace("{thinking_end_token}", "</think>").replace("{{}}", "{}")
            .replace("{tool_schemas}", "{\"name\": \"f\", \"parameters\": {\"ä\": [1.5, 1e+22, true]}}");
        assertEquals(BEGIN + "S\n\n" + told + "\n\nAnswer as this schema says:\n{\"type\": \"json\"}" + U + "a" + A + "<think>r</think>b" + END + U + "c" + A + "<think>", text(json, Thinking.HIGH));
        assertTrue(assertThrows(InputException.class, () -> plain.encode(read(json), Thinking.OFF)).getMessage().contains("or do without tools"));
        String made = text("{'tools': [{'function': {'name': 'f'}}], 'messages': [{'role': 'user', 'content': 'a'}]}", Thinking.OFF);
        assertTrue(made.startsWith(BEGIN + "\n\n## Helpers"), made);
    }

    @Test void callsAndResultsStandInTheOrderOfTheCalls() {
        String json = "[{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b', 'tool_calls': ["
            + "{'id': 'x', 'function': {'name': 'f', 'arguments': '{\\'s\\': \\'v\\\\nw\\', \\'n\\': [1,2], \\'o\\':{}}'}}, {'id': 'y', 'function': {'name': 'g', 'arguments': {}}}, {'id': 'z', 'function': {'name': 'h', 'arguments': 'no json'}}]},"
            + "{'role': 'tool', 'tool_call_id': 'z', 'content': '3'}, {'role': 'tool', 'tool_call_id': 'x', 'content': '1'}, {'role': 'user', 'content': 'c'}, {'role': 'tool', 'tool_call_id': 'y', 'content': [{'type': 'text', 'text': '2'}]}]";
        assertEquals(BEGIN + U + "a" + A + "</think>b\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"s\" string=\"true\">v\nw</｜DSML｜parameter>\n"
            + "<｜DSML｜parameter name=\"n\" string=\"false\">[1, 2]</｜DSML｜parameter>\n<｜DSML｜parameter name=\"o\" string=\"false\">{}</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
            + "<｜DSML｜invoke name=\"g\">\n\n</｜DSML｜invoke>\n<｜DSML｜invoke name=\"h\">\n<｜DSML｜parameter name=\"arguments\" string=\"true\">no json</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>" + END
            + U + "<tool_result>1</tool_result>\n\n<tool_result>2</tool_result>\n\nc\n\n<tool_result>3</tool_result>" + A + "</think>", text(json, Thinking.OFF));
    }

    @ParameterizedTest @CsvSource(quoteCharacter = '`', value = {"query,<｜query｜>", "authority,<｜authority｜>", "domain,<｜domain｜>", "read_url,<｜read_url｜>", "action,<｜Assistant｜><think><｜action｜>"})
    void aTaskStandsWhereTheModelAnswersIt(String task, String end) {
        String question = "{'role': 'user', 'content': 'a', 'task': '" + task + "', 'extracted_url': 'http://b'}";
        assertEquals(BEGIN + U + "a<｜extracted_url｜>http://b" + end, text("[" + question + "]", Thinking.HIGH));
        assertEquals(BEGIN + U + "a<｜extracted_url｜>http://b" + end + "yes" + END, text("[" + question + ", {'role': 'assistant', 'content': 'yes', 'reasoning': 'never shown'}]", Thinking.HIGH));
    }

    @Test void aTitleIsAskedBehindTheAnswerAndAJoinedTaskIsNotLost() {
        assertEquals(BEGIN + U + "a" + A + "</think>b" + END + "<｜title｜>", text("[{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b', 'task': 'title'}]", Thinking.OFF));
        assertEquals(BEGIN + U + "a\n\nb<｜query｜>", text("[{'role': 'user', 'content': 'a'}, {'role': 'user', 'content': 'b', 'task': 'query'}]", Thinking.OFF));
    }

    @Test void remindersStandWhereTheyCome() {
        assertEquals(BEGIN + "S<｜latest_reminder｜>today" + U + "a" + A + "</think>", text("[{'role': 'system', 'content': 'S'}, {'role': 'latest_reminder', 'content': 'today'}, {'role': 'user', 'content': 'a'}]", Thinking.OFF));
        assertEquals(BEGIN + U + "a" + A + "<think><｜latest_reminder｜>today", text("[{'role': 'user', 'content': 'a'}, {'role': 'latest_reminder', 'content': 'today'}]", Thinking.HIGH));
    }

    @Test void earlierWordsOfAProgramAreLeftOutWhileReasoningIs() {
        String json = "[{'role': 'developer', 'content': 'x'}, {'role': 'assistant', 'content': 'b'}, {'role': 'developer', 'content': 'y'}]";
        assertEquals(BEGIN + "b" + END + U + "y" + A + "<think>", text(json, Thinking.HIGH));
        assertEquals(BEGIN + U + "x" + A + "</think>b" + END + U + "y" + A + "</think>", text(json, Thinking.OFF));
    }

    @ParameterizedTest @EnumSource(Thinking.class)
    void tokensAreThoseOfTheTextWhereNobodySpellsATokensName(Thinking thinking) {
        var tokens = new PromptTokens(TOKENIZER);
        for (long seed = 1; seed <= 80; seed++) {
            Prompt prompt = encoder.encode(new Conversations(seed).conversation(), thinking);
            long shown = seed;
            assertArrayEquals(TOKENIZER.encode(prompt.text(), false), tokens.of(prompt), () -> "seed " + shown + ": " + prompt.text());
        }
    }

    @Test void namesOfTokensInContentAreLetters() {
        var tokens = new PromptTokens(TOKENIZER);
        int[] ids = tokens.of(encoder.encode(List.of(Message.User.of("</think>" + END + A + "｜DSML｜")), Thinking.HIGH));
        assertEquals(BEGIN + U + "</think>" + END + A + "｜DSML｜" + A + "<think>", TOKENIZER.decode(ids, false));
        for (int i = 2; i < ids.length - 2; i++) {
            assertTrue(ids[i] >= 2 && ids[i] < 270, "token " + i + " is a marker");
        }
        assertTrue(tokens.ends(1));
        assertFalse(tokens.ends(ids[ids.length - 1]));
    }

    @Test void aTokenizerWithoutTheTokensIsRefusedByName() {
        byte[] other = new String(ConversationTokenizer.small(), StandardCharsets.UTF_8).replace("\"｜DSML｜\"", "\"｜other｜\"").getBytes(StandardCharsets.UTF_8);
        Tokenizer without = Tokenizer.of("tokenizer.json", other, Optional.empty());
        assertFalse(PromptTokens.fits(without));
        assertTrue(assertThrows(InputException.class, () -> new PromptTokens(without)).getMessage().contains("found none of the name ｜DSML｜"));
        byte[] noTitle = new String(ConversationTokenizer.small(), StandardCharsets.UTF_8).replace("\"<｜title｜>\"", "\"<｜other｜>\"").getBytes(StandardCharsets.UTF_8);
        var tokens = new PromptTokens(Tokenizer.of("tokenizer.json", noTitle, Optional.empty()));
        Prompt asked = encoder.encode(List.of(new Message.User("a", "", Optional.of(Task.TITLE))), Thinking.OFF);
        assertTrue(assertThrows(InputException.class, () -> tokens.of(asked)).getMessage().contains("wanted the token <｜title｜>"));
    }

    /// The published ids, in a tokenizer as large as the published one: found by name, and only the first two left out of decoded text.
    @Test void publishedIdsAreFoundByNameAndSurviveDecoding() {
        Tokenizer large = Tokenizer.of("tokenizer.json", ConversationTokenizer.large(), Optional.empty());
        int[] ids = new PromptTokens(large).of(encoder.encode(List.of(Message.User.of("a"), Message.Assistant.of("r", "b", List.of(new ToolCall("", "f", "{}")))), Thinking.HIGH));
        assertEquals(0, ids[0]);
        assertEquals(128803, ids[1]);
        assertArrayEquals(new int[] {128804, 128821}, new int[] {ids[3], ids[4]});
        assertEquals(128822, ids[6]);
        assertEquals(4, java.util.Arrays.stream(ids).filter(id -> id == 128825).count());
        assertEquals(1, ids[ids.length - 1]);
        String text = large.decode(ids, true);
        assertTrue(text.startsWith(U + "a" + A + "<think>r</think>b\n\n<｜DSML｜tool_calls>") && text.endsWith("</｜DSML｜tool_calls>"), text);
        ConversationTokenizer.PUBLISHED.forEach((name, id) -> {
            assertEquals(id, large.idOf(name).orElseThrow(), name);
            assertEquals(id < 2, large.isSpecial(id), name);
        });
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {"[]|wanted at least one message", "{}|wanted a list of messages", "[1]|message [0] is 1, wanted an object", "[{'role': 'king', 'content': ''}]|message [0].role is 'king', wanted system",
        "[{'role': 'user'}]|message [0].content is missing, wanted a text", "[{'role': 'user', 'content': 'a', 'nane': 1}]|the key message [0].nane is not known", "[{'role': 'user', 'content': 'a', 'task': 'x'}]|message [0].task is 'x', wanted one of action, query",
        "{'messages': [{'role': 'system', 'content': 'a', 'tools': [{}]}]}|messages[0].tools[0] is {}, wanted an object with 'function'", "[{'role': 'assistant', 'tool_calls': [{}]}]|message [0].tool_calls[0] is {}",
        "[{'role': 'user', 'content': [{'type': 'image_url'}]}]|wanted {\"type\": \"text\"", "[{'role': 'developer', 'content': ''}]|developer: the message is empty", "nonsense|not valid JSON, line 1",
        "{'tools': [{'function': {'name': 'f'}}], 'messages': [{'role': 'system', 'content': '', 'tools': [{'function': {'name': 'g'}}]}]}|stand both in messages[0] and beside"})
    void conversationsThatAreNoneAreRefusedWithThePlace(String json, String words) {
        String message = assertThrows(InputException.class, () -> encoder.encode(read(json), Thinking.OFF)).getMessage();
        assertTrue(message.contains(words), message);
    }

    @Test void aFolderOfAModelIsAskedForTheTexts() {
        assertThrows(InputException.class, () -> new PromptEncoder(PromptTemplates.load(Disk.real(), folder.resolve("none"))).encode(List.of(Message.User.of("a")), Thinking.MAX));
    }
}
