package dev.xiaolu.status;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class RunStatusTest {
    private final RunStatus status = TestStatus.of(new WriterProcess(77, 5, "here"), TestStatus.NOW);

    @Test void whatIsWrittenIsReadAgain() {
        assertEquals(status, RunStatus.of("file", status.json()));
        assertEquals(status, RunStatus.of("file", status.indented()));
    }

    @Test void namesInJsonAreThoseThatScriptsUse() {
        JsonNode json = JsonMapper.shared().readTree(status.json());
        assertEquals(new TreeSet<>(List.of("state", "why", "step", "steps", "generation", "goodput", "checkpoint", "leaves_per_second", "page", "process", "coordinators", "started_millis", "wall_millis", "fault_count", "ranks",
                "faults", "lives")), new TreeSet<>(json.propertyNames()));
        JsonNode rank = json.path("ranks").path(0);
        assertEquals(0, rank.path("index").asInt(-1));
        assertEquals(101, rank.path("pid").asInt());
        assertEquals("training", rank.path("state").asString());
        assertEquals(17, rank.path("last_step").asInt());
        assertTrue(json.path("ranks").path(1).path("last_step").isNull() && json.path("why").isNull());
        assertEquals(0.93, json.path("goodput").asDouble());
        assertEquals("silent", json.path("faults").path(1).path("kind").asString());
    }

    @Test void otherJsonIsRefusedByItsFile() {
        assertTrue(assertThrows(InputException.class, () -> RunStatus.of("launch/status.json", "[1]")).getMessage().startsWith("launch/status.json: wanted the status of a run"));
    }

    @Test void theStateOfARunIsThatOfItsRanks() {
        RunStatus over = status.ended(RunStatus.OVER, status.ranks());
        assertTrue(over.hasEnded() && over.page().isEmpty());
        over.ranks().forEach(rank -> assertEquals("over", rank.state()));
        assertEquals(17, over.ranks().getFirst().lastStep().orElseThrow());
    }

    @Test void everyReasonThatTheControlPlaneGivesHasAKind() {
        assertEquals("killed", Fault.kind("its process has ended, signal 9"));
        assertEquals("exited", Fault.kind("its process has ended, exit code 3"));
        assertEquals("silent", Fault.kind("silent for 1600 ms, the limit is 1500 ms"));
        assertEquals("stuck", Fault.kind("no progress for 120100 ms, the limit is 120000 ms"));
        assertEquals("quarantined", Fault.kind("quarantined: leaf 3 of step 5 has digest 00 there, 01 at others"));
        assertEquals("other", Fault.kind("lost its way"));
    }

    @Test void aProcessOfTheSameNumberThatStartedAtAnotherTimeIsAnother() {
        WriterProcess own = WriterProcess.own();
        assertTrue(own.lives() && own.isHere());
        assertEquals(false, new WriterProcess(own.pid(), own.startedMillis() - 60_000, own.host()).lives());
        assertEquals(false, new WriterProcess(own.pid(), own.startedMillis(), "elsewhere").isHere());
    }
}
