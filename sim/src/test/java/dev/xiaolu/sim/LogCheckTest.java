package dev.xiaolu.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Logs as files.
class LogCheckTest {
    @TempDir
    Path folder;

    private Path log;
    private Outcome outcome;

    @BeforeEach void simulate() {
        log = folder.resolve("run.txt");
        var scenario = new Scenario(6, 10, 12, EnumSet.allOf(FaultKind.class), 3);
        try (var writer = new LogWriter(Disk.real(), log, scenario)) {
            outcome = Simulation.run(scenario, writer);
        }
    }

    private LogCheck.Found check(List<String> lines) throws IOException {
        return LogCheck.check(Files.write(folder.resolve("changed.txt"), lines), OptionalInt.empty());
    }

    @Test void theLogOfARunIsSoundAndTellsItsRun() throws IOException {
        LogCheck.Found found = LogCheck.check(log, OptionalInt.empty());
        assertEquals(List.of(), found.faults());
        assertEquals(outcome.events(), found.turns());
        assertEquals(10, found.committed());
        assertEquals("all steps are done", found.end());
        assertEquals("12, as the first line says", found.leaves());
        assertEquals("# " + outcome.scenario().command(), Files.readAllLines(log).getFirst());
        assertTrue(found.lost() > 0 && found.generations() > 1 && !found.torn());
    }

    @Test void withoutAFirstLineLeavesAreThoseThatRanksWereAskedFor() throws IOException {
        List<String> lines = Files.readAllLines(log);
        LogCheck.Found found = check(lines.subList(1, lines.size()));
        assertEquals(List.of(), found.faults());
        assertEquals("as many as ranks were asked for", found.leaves());
    }

    @Test void moreLeavesThanAreCountedAreAFault() {
        LogCheck.Found found = LogCheck.check(log, OptionalInt.of(13));
        assertTrue(found.faults().getFirst().contains("step 1 has leaves [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], wanted 0 to 12"), found.toString());
    }

    @Test void aLogWithALineTakenOutIsNotSound() throws IOException {
        var lines = new ArrayList<>(Files.readAllLines(log));
        lines.remove(lines.stream().filter(line -> line.startsWith("Computed")).findFirst().orElseThrow());
        assertTrue(check(lines).faults().getFirst().contains("never computed it"), check(lines).toString());
    }

    @Test void aLeafThatCountsAgainstTheResultOfAnotherRankIsAFault() throws IOException {
        var lines = new ArrayList<>(Files.readAllLines(log));
        lines.replaceAll(line -> line.replaceFirst("check=true high=-?\\d+", "check=true high=7"));
        LogCheck.Found found = check(lines);
        assertTrue(found.faults().getFirst().matches("turn \\d+: leaf \\d+ of step 1 counts as rank \\d+ has it, rank \\d+ has found something else"), found.toString());
    }

    @Test void aLastLineThatIsTornIsLeftOutAndTold() throws IOException {
        List<String> lines = Files.readAllLines(log);
        var torn = new ArrayList<>(lines.subList(0, lines.size() / 2));
        torn.add("Computed id=1 gener");
        LogCheck.Found found = check(torn);
        assertTrue(found.torn() && found.faults().isEmpty() && found.end().isEmpty(), found.toString());
    }

    @Test void whatIsNoLogIsRefusedByLine() throws IOException {
        List<String> lines = new ArrayList<>(Files.readAllLines(log));
        lines.set(4, "Reddy id=1");
        var line = assertThrows(InputException.class, () -> check(lines));
        assertTrue(line.getMessage().contains("changed.txt, line 5: wanted an event or, indented, an action of a history"), line.getMessage());
        assertTrue(assertThrows(InputException.class, () -> check(List.of("  Settled generation=1 to=[1]", ""))).getMessage().contains("an action before the first event"));
        assertTrue(assertThrows(InputException.class, () -> check(List.of("", "# nothing"))).getMessage().contains("found no event in it"));
        Files.write(log, new byte[] {(byte) 0xC3, 0, (byte) 0xFF});
        assertTrue(assertThrows(InputException.class, () -> LogCheck.check(log, OptionalInt.empty())).getMessage().contains("no UTF-8 text"));
        Path missing = folder.resolve("missing.txt");
        assertTrue(assertThrows(InputException.class, () -> LogCheck.check(missing, OptionalInt.empty())).getMessage().contains("found no such file"));
        assertFalse(Files.exists(missing));
    }
}
