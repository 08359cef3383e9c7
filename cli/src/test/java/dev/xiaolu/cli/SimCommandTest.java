package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class SimCommandTest {
    @TempDir
    Path folder;

    @Test void aRunIsToldAndTheSameLineTellsTheSame() {
        Run run = Run.of("sim", "--nodes", "6", "--steps", "10", "--seed", "5");
        assertEquals(0, run.code(), run.err());
        for (String line : List.of("seed +5", "run +6 nodes, 10 steps of 12 leaves", "faults +kill \\d+, stop \\d+, slow \\d+, delay \\d+, partition \\d+, disk \\d+, .*clock \\d+", "recoveries +\\d+",
                "detection +median .* s, 95 % within .*; \\d+ times", "recovery +median .*", "events +[\\d,]+", "simulated time +[\\d.]+ s", "goodput +[\\d.]+ % of a calm run", "ended +step 10, all steps are done",
                "digest +[0-9a-f]{16}, equal to that of the calm run: yes", "history +[0-9a-f]{16}", "invariants violated +0")) {
            assertTrue(run.out().lines().anyMatch(each -> each.matches(line)), line + " is not in:\n" + run.out());
        }
        assertEquals(run, Run.of("sim", "--nodes", "6", "--steps", "10", "--leaves", "12", "--faults", "kill,stop,slow,delay,partition,disk,flip,clock", "--seed", "5"));
    }

    @Test void jsonHasOneObjectForEachSeed() {
        Run run = Run.of("sim", "--nodes", "4", "--steps", "4", "--faults", "none", "--seeds", "2", "--seed", "8", "--json");
        assertEquals(0, run.code(), run.err());
        JsonNode list = JsonMapper.shared().readTree(run.out());
        assertEquals(2, list.size());
        assertEquals(9, list.get(1).path("seed").asInt());
        assertTrue(list.get(0).path("digest_equal").asBoolean() && list.get(0).path("violations").isEmpty() && list.get(0).path("goodput").asDouble() == 1.0, run.out());
    }

    @Test void aBudgetCountsRareBranchesAndFailsWhereOneIsTakenByNone() {
        Run calm = Run.of("sim", "--nodes", "4", "--steps", "4", "--faults", "disk", "--seeds", "3");
        assertEquals(0, calm.code(), calm.err());
        assertTrue(calm.out().lines().anyMatch(line -> line.matches("a checkpoint is not saved +3")), calm.out());
        assertTrue(calm.out().contains("3 runs of 4 nodes, 4 steps, 8 leaves: 3 as the calm run, 0 with broken invariants"), calm.out());
        Run few = Run.of("sim", "--nodes", "4", "--steps", "4", "--faults", "kill", "--seeds", "1");
        assertEquals(1, few.code());
        assertTrue(few.err().startsWith("sim: no run of 1 took the branches: 'a rank is lost while "), few.err());
    }

    @Test void aLogIsWrittenAndChecked() throws IOException {
        Path log = folder.resolve("run.txt");
        assertEquals(0, Run.of("sim", "--nodes", "5", "--steps", "6", "--log", log.toString()).code());
        Run check = Run.of("sim", "--check", log.toString());
        assertEquals(0, check.code(), check.err());
        assertTrue(check.out().lines().anyMatch(line -> line.matches("last step that counts +6")) && check.out().lines().anyMatch(line -> line.matches("invariants violated +0")), check.out());
        Files.write(log, Files.readAllLines(log).stream().filter(line -> !line.startsWith("  Settled")).toList());
        Run broken = Run.of("sim", "--check", log.toString(), "--json");
        assertEquals(1, broken.code());
        assertTrue(broken.err().contains(", which is not settled") && broken.err().contains(" more"), broken.err());
        assertTrue(JsonMapper.shared().readTree(broken.out()).valueStream().anyMatch(row -> row.path("what").asString().equals("invariants violated") && row.path("found").asInt() > 0), broken.out());
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {
        "--nodes 0 | --nodes is 0, wanted 1 to 1000", "--nodes 1001 | --nodes is 1001", "--steps 0 | --steps is 0", "--leaves 0 | --leaves is 0", "--faults kil | no such fault 'kil'; wanted 'all', 'none', or some of kill",
        "--faults flip --nodes 2 | --faults has flip with 2 nodes, wanted at least 3", "--seeds 0 | --seeds is 0, wanted at least 1", "--seeds 2 --log x | --seeds, --log and --check", "--check x --log y | --seeds, --log and --check"})
    void wrongUsageIsToldWithWhatWasWanted(String options, String told) {
        Run run = Run.of(("sim " + options).split(" "));
        assertEquals(2, run.code(), run.out());
        assertTrue(run.err().contains(told) && run.err().contains("./xiaolu sim --help"), run.err());
    }

    @Test void aLogThatIsNotThereIsNamed() {
        Run run = Run.of("sim", "--check", folder.resolve("none.txt").toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("none.txt: wanted the log of a run, found no such file"), run.err());
    }

    @Test void twoNodesGetAllFaultsButThoseThatNobodyCouldDecide() {
        Run run = Run.of("sim", "--nodes", "2", "--steps", "5");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("kill") && !run.out().contains("flip"), run.out());
    }
}
