package dev.xiaolu.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CompletionParserTest {
    private static final PromptEncoder ENCODER = new PromptEncoder(PromptTemplates.load(Disk.real(), Path.of("absent")));
    private static final String END = "<｜end▁of▁sentence｜>";
    private static final String OPEN = "\n\n<｜DSML｜tool_calls>\n", CLOSE = "</｜DSML｜tool_calls>", INVOKE = "<｜DSML｜invoke name=\"f\">\n", INVOKED = "\n</｜DSML｜invoke>\n";

    /// What a listener hears, and the completion.
    private record Heard(String reasoning, String content, List<ToolCall> calls, Completion completion) {}

    private static Heard hear(String text, Thinking thinking, SplittableRandom random, boolean ended) {
        var reasoning = new StringBuilder();
        var content = new StringBuilder();
        var calls = new ArrayList<ToolCall>();
        var parser = new CompletionParser(thinking, new CompletionParser.Listener() {
            @Override public void reasoning(String piece) {
                reasoning.append(piece);
            }

            @Override public void content(String piece) {
                content.append(piece);
            }

            @Override public void toolCall(ToolCall call) {
                calls.add(call);
            }
        });
        for (int at = 0; at < text.length(); ) {
            int end = Math.min(text.length(), at + random.nextInt(random.nextInt(4) == 0 ? 30 : 4));
            parser.accept(text.substring(at, end));
            at = end;
        }
        Completion completion = parser.finish(ended);
        return new Heard(reasoning.toString(), content.toString(), calls, completion);
    }

    @Test void aTurnThatWasEncodedIsParsedBackInAnyPieces() {
        for (long seed = 1; seed <= 250; seed++) {
            var drawn = new Conversations(seed);
            Thinking thinking = seed % 2 == 0 ? Thinking.HIGH : Thinking.OFF;
            List<Message> before = drawn.conversation();
            Message.Assistant turn = drawn.assistant(thinking.on());
            var all = new ArrayList<>(before);
            all.add(turn);
            String prompt = ENCODER.encode(before, thinking).text();
            String whole = ENCODER.encode(all, thinking).text();
            assertTrue(whole.startsWith(prompt));
            String completion = whole.substring(prompt.length());
            long shown = seed;
            Completion parsed = CompletionParser.parse(completion, thinking);
            assertEquals(turn, parsed.message(), () -> "seed " + shown + ": " + completion);
            assertTrue(parsed.ended());
            for (int i = 0; i < 3; i++) {
                Heard heard = hear(completion, thinking, new SplittableRandom(seed * 31 + i), false);
                assertEquals(parsed, heard.completion(), () -> "seed " + shown);
                assertEquals(new Heard(turn.reasoning(), turn.content(), turn.toolCalls(), parsed), heard, () -> "seed " + shown);
            }
            String open = completion.substring(0, completion.length() - END.length());
            assertEquals(parsed, hear(open, thinking, new SplittableRandom(seed), true).completion());
        }
    }

    /// Texts that were cut, or in which something was lost, added or doubled: in whatever pieces they come, they mean one thing, and a fault has a place.
    @Test void whatIsDamagedIsToldAlikeInAnyPieces() {
        int faults = 0;
        for (long seed = 1; seed <= 300; seed++) {
            var random = new SplittableRandom(seed);
            Message.Assistant turn = new Conversations(seed).assistant(true);
            String prompt = ENCODER.encode(List.of(Message.User.of("")), Thinking.HIGH).text();
            var text = new StringBuilder(ENCODER.encode(List.of(Message.User.of(""), turn), Thinking.HIGH).text().substring(prompt.length()));
            for (int i = random.nextInt(3); i >= 0 && !text.isEmpty(); i--) {
                int at = random.nextInt(text.length());
                switch (random.nextInt(4)) {
                    case 0 -> text.setLength(at);
                    case 1 -> text.deleteCharAt(at);
                    case 2 -> text.insert(at, ">\n\"<".charAt(random.nextInt(4)));
                    default -> text.insert(at, List.of(END, "</think>", OPEN, CLOSE, INVOKE, "｜DSML｜").get(random.nextInt(6)));
                }
            }
            String damaged = text.toString();
            Completion whole = CompletionParser.parse(damaged, Thinking.HIGH);
            faults += whole.fault().isPresent() ? 1 : 0;
            whole.fault().ifPresent(fault -> {
                String[] lines = damaged.substring(0, fault.position()).split("\n", -1);
                assertEquals(lines.length, fault.line());
                assertEquals(lines[lines.length - 1].length() + 1, fault.column());
                assertThrows(InputException.class, whole::message);
            });
            long shown = seed;
            for (int i = 0; i < 3; i++) {
                assertEquals(whole, hear(damaged, Thinking.HIGH, new SplittableRandom(seed * 17 + i), false).completion(), () -> "seed " + shown + ": " + damaged);
            }
        }
        assertTrue(faults > 30, "only " + faults + " of 300 were faulty");
    }

    static Stream<Arguments> faulty() {
        String parameter = "<｜DSML｜parameter name=\"p\" string=\"true\">v</｜DSML｜parameter>";
        return Stream.of(
            Arguments.of("a" + OPEN + "x" + INVOKE, "line 3 column 18: '>\\nx' behind the start of the block of tool calls, wanted '>', a line end and a call or </｜DSML｜tool_calls>"),
            Arguments.of(OPEN + "<｜DSML｜invoke nam=\"f\">\n</｜DSML｜invoke>", "line 4 column 14: ' nam=\"f\">\\n' in the tag of call 1, wanted ' name=\"…\">' and a line end"),
            Arguments.of(OPEN + INVOKE + "<｜DSML｜parameter name=\"p\" string=\"maybe\">v</｜DSML｜parameter>", "in parameter 1 of call 1, 'f', wanted ' name=\"…\" string=\"true|false\">' and the value"),
            Arguments.of(OPEN + INVOKE + parameter + "\n" + parameter + INVOKED, "the parameter 'p' of call 1, 'f', is there twice, wanted once"),
            Arguments.of(OPEN + INVOKE + parameter.replace("true", "false") + INVOKED, "line 5 column 42: the parameter 'p' of call 1, 'f', is 'v', wanted JSON, as string=\"false\" says"),
            Arguments.of(OPEN + INVOKE + parameter.replace("true", "false").replace(">v<", ">1, \"q\": 2<") + INVOKED, "wanted JSON"),
            Arguments.of(OPEN + INVOKE + parameter + "x" + INVOKED, "'>x\\n' behind parameter 'p' of call 1, 'f', wanted '>', a line end and a parameter or </｜DSML｜invoke>"),
            Arguments.of(OPEN + INVOKE + INVOKED + CLOSE + "x", "text behind the block of tool calls, wanted the end of the turn"),
            Arguments.of(OPEN + INVOKE + "<｜DSML｜parameter name=\"p\" string=\"true\">v", "the text stops in parameter 1 of call 1, 'f', wanted </｜DSML｜parameter>"),
            Arguments.of(OPEN + INVOKE + END, "the turn ends in the tag of call 1, wanted a parameter or </｜DSML｜invoke>"),
            Arguments.of("a\n<｜DSML｜tool_calls>\n", "line 2 column 2: ｜DSML｜ inside the answer, wanted text; a block of tool calls begins behind an empty line"),
            Arguments.of("a</think>b" + END, "line 1 column 2: </think> inside the answer, wanted text"),
            Arguments.of("a" + END + "b", "text behind the end of the turn, wanted none"));
    }

    @ParameterizedTest @MethodSource("faulty")
    void aFaultNamesWhatIsWrongAndWhere(String text, String words) {
        Completion completion = CompletionParser.parse(text, Thinking.OFF);
        String message = completion.fault().orElseThrow().toString();
        assertTrue(message.startsWith("completion: line ") && message.contains(words), message);
    }

    @Test void reasoningMustEndBeforeCallsAndBeforeTheTurn() {
        assertTrue(CompletionParser.parse("r" + OPEN + CLOSE, Thinking.HIGH).fault().orElseThrow().what().contains("a block of tool calls inside the reasoning, wanted </think> before it"));
        assertTrue(CompletionParser.parse("r" + END, Thinking.HIGH).fault().orElseThrow().what().contains("the end of the turn inside the reasoning"));
        assertEquals("r", CompletionParser.parse("r" + END, Thinking.HIGH).reasoning());
    }

    @Test void aTextThatWasStoppedIsNoFaultOutsideOfCalls() {
        Completion reasoning = CompletionParser.parse("thinking abou", Thinking.HIGH);
        assertEquals(new Completion("thinking abou", "", List.of(), false, java.util.Optional.empty(), ""), reasoning);
        Completion answer = CompletionParser.parse("r</think>An answ\n\n<", Thinking.HIGH);
        assertEquals("An answ\n\n<", answer.content());
        assertEquals("An answ\n\n<", hear("An answ\n\n<", Thinking.OFF, new SplittableRandom(1), false).content());
    }

    @Test void whatStoodBeforeAFaultIsKeptAndTheRestIsGivenAsItIs() {
        Completion completion = CompletionParser.parse("a" + OPEN + INVOKE + INVOKED + INVOKE + "??" + END, Thinking.OFF);
        assertEquals("a", completion.content());
        assertEquals(List.of(new ToolCall("", "f", "{}")), completion.toolCalls());
        assertTrue(completion.ended());
        assertTrue(completion.rest().endsWith("??") || completion.rest().isEmpty(), completion.rest());
    }

    @Test void longTextsTakeLinearTime() {
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            String text = "<".repeat(200_000) + OPEN + INVOKE + "<｜DSML｜parameter name=\"p\" string=\"true\">" + "</｜DSML".repeat(20_000) + "</｜DSML｜parameter>" + INVOKED + CLOSE + END;
            Heard heard = hear(text, Thinking.OFF, new SplittableRandom(5), false);
            assertEquals(200_000, heard.content().length());
            assertEquals(1, heard.calls().size());
        });
    }
}
