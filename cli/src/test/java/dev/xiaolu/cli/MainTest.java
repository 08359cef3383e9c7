package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class MainTest {
    @Test void withoutACommandTheHelpIsShownAsWrongUsage() {
        Run run = Run.of();
        assertEquals(2, run.code());
        assertTrue(run.err().contains("Commands:") && run.err().contains("./xiaolu train") && run.out().isEmpty(), run.err());
    }

    @Test void theVersionNamesProgramArithmeticAndJdk() {
        Run run = Run.of("--version");
        assertEquals(0, run.code());
        assertTrue(run.out().matches("xiaolu \\d+\\.\\d+\\.\\d+(-SNAPSHOT)?, arithmetic version \\d+, on JDK 25.*\\R"), run.out());
    }

    @ParameterizedTest @CsvSource({"generat,generate", "inspct,inspect", "doctr,doctor", "opps,ops"})
    void anUnknownCommandIsAnsweredWithTheNearest(String typed, String meant) {
        Run run = Run.of(typed);
        assertEquals(2, run.code());
        assertTrue(run.err().contains("no such command '" + typed + "'; nearest: " + meant), run.err());
    }

    @Test void anUnknownOptionIsAnsweredWithTheNearest() {
        Run run = Run.of("ops", "--jsn");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("no such option '--jsn'; nearest: --json") && run.err().contains("./xiaolu ops --help"), run.err());
    }

    @Test void aMissingOptionIsNamed() {
        Run run = Run.of("logits", "--tokens", "1");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("--model") && run.err().contains("--out"), run.err());
    }

    @Test void aWordTooManyIsNamed() {
        Run run = Run.of("ops", "everything");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("'everything'"), run.err());
    }

    static List<String> commands() {
        return Main.line(Console.ofProcess()).getSubcommands().entrySet().stream().flatMap(MainTest::names).toList();
    }

    private static java.util.stream.Stream<String> names(java.util.Map.Entry<String, CommandLine> command) {
        return java.util.stream.Stream.concat(java.util.stream.Stream.of(command.getKey()), command.getValue().getSubcommands().keySet().stream().map(below -> command.getKey() + " " + below));
    }

    @ParameterizedTest @MethodSource("commands")
    void everyCommandHasHelpWithAnExample(String command) {
        String[] words = (command + " --help").split(" ");
        Run run = Run.of(words);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("Example") && run.out().contains("./xiaolu " + command.split(" ")[0]), run.out());
        assertTrue(run.err().isEmpty(), run.err());
        assertTrue(!run.out().contains("${"), run.out());
    }

    @Test void aFaultOfInputIsOneMessageWithoutATrace() {
        Run run = Run.of("inspect", "no/such/place");
        assertEquals(1, run.code());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(run.err().startsWith("xiaolu: no/such/place: wanted"), run.err());
    }

    @Test void debugAddsTheTrace() {
        Run run = Run.of("inspect", "no/such/place", "--debug");
        assertEquals(1, run.code());
        assertTrue(run.err().contains("\tat dev.xiaolu."), run.err());
    }

    @ParameterizedTest @CsvSource({"25.0.3,true", "25.0.3+9,true", "25.0.10,true", "25.1.1,true", "25,false", "25.0.2,false", "25.0.2+10,false", "24.0.2,false", "26,false", "17.0.15,false"})
    void versionsOfJavaAreFitOrNot(String version, boolean fit) {
        assertEquals(fit, Main.unfit(Runtime.Version.parse(version)).isEmpty());
    }

    @Test void opsListsEveryOperatorForEveryBackend() {
        Run run = Run.of("ops");
        assertEquals(0, run.code());
        assertEquals(OpsCommand.operators().size() + 1, run.out().lines().count());
        assertTrue(run.out().lines().findFirst().orElseThrow().matches("operator\\s+kind\\s+cpu\\s+reference"), run.out());
        assertTrue(run.out().lines().anyMatch(line -> line.matches("RmsNorm\\s+forward\\s+kernel\\s+kernel")), run.out());
        assertFalse(run.out().contains("\033"));
    }

    @Test void opsAsJsonIsAListOfObjects() {
        Run run = Run.of("ops", "--json");
        var list = tools.jackson.databind.json.JsonMapper.shared().readTree(run.out());
        assertEquals(OpsCommand.operators().size(), list.size());
        assertEquals("forward", list.valueStream().filter(one -> one.path("operator").asString().equals("MatMul")).findFirst().orElseThrow().path("kind").asString());
    }

    @Test void doctorTellsTheMachineAndPassesItsSelfTest() {
        Run run = Run.of("doctor", "--threads", "1");
        assertEquals(0, run.code(), run.out() + run.err());
        for (String part : List.of("JDK", "processor", "cpu peak", "GFLOP/s", "cpu bandwidth", "cpu self-test", "reference self-test")) {
            assertTrue(run.out().contains(part), part + " missing in: " + run.out());
        }
    }
}
