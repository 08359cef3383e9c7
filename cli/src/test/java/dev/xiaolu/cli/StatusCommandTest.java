package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.status.Fault;
import dev.xiaolu.status.RankStatus;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.StatusReader;
import dev.xiaolu.status.WriterProcess;
import dev.xiaolu.store.RunLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class StatusCommandTest {
    @TempDir Path temp;

    private Path folder() throws Exception {
        Path run = Files.createDirectories(temp.resolve("run/launch")).getParent();
        Files.writeString(run.resolve("config.yaml"), Run.of("train", "tiny", "train.steps=40", "launch.workers=2", "--print-config").out());
        return run;
    }

    private static JsonNode json(Path run) {
        Run status = Run.of("status", run.toString(), "--json");
        assertEquals(0, status.code(), status.err());
        return JsonMapper.shared().readTree(status.out());
    }

    /// What a launch of this process, or another, would have written so many milliseconds ago.
    private static void launch(Path run, WriterProcess process, String state, long age) throws Exception {
        var ranks = List.of(new RankStatus(0, Optional.of(4_100_000L), state, "working", Optional.of(12L), "1", "127.0.0.1", OptionalDouble.of(0.1), OptionalDouble.of(0.25)),
                RankStatus.alone(1, Optional.of(4_100_001L), RunStatus.STARTING, Optional.empty()));
        long now = System.currentTimeMillis() - age;
        var faults = List.of(Fault.of(1, 4_099_999, "its process has ended, signal 9", 11, now - 3000, OptionalDouble.of(0.21)));
        var status = new RunStatus(state, Optional.empty(), 12, 40, 3, OptionalDouble.of(0.875), Optional.of(10L), OptionalDouble.of(7.5), Optional.of("http://127.0.0.1:4000/"), Optional.of(process), List.of(), now - 60_000, now, 1,
                ranks, faults, List.of());
        Files.writeString(run.resolve(StatusReader.FILE), status.json());
    }

    @Test void aLaunchThatGoesOnIsToldWithItsRanksAndLosses() throws Exception {
        Path run = folder();
        launch(run, WriterProcess.own(), RunStatus.TRAINING, 300);
        try (RunLock _ = RunLock.take(Disk.real(), run)) {
            JsonNode json = json(run);
            assertEquals("training", json.path("state").asString());
            assertEquals("http://127.0.0.1:4000/", json.path("page").asString());
            assertEquals(List.of(0, 1), json.path("ranks").valueStream().map(rank -> rank.path("index").asInt(-1)).toList());
            assertEquals(4_100_000, json.path("ranks").path(0).path("pid").asLong());
            assertEquals(12, json.path("ranks").path(0).path("last_step").asLong());
            String text = Run.of("status", run.toString()).out();
            assertTrue(text.startsWith("training, step 12 of 40, checkpoint of step 10, generation 3, goodput 87.5%, 7.5 leaves a second"), text);
            assertTrue(text.contains("watch it at http://127.0.0.1:4000/") && text.contains("4100001  starting") && text.contains("0.21 s") && text.contains("its process has ended, signal 9"), text);
        }
    }

    @Test void aLaunchWhoseProcessWasKilledIsGone() throws Exception {
        Path run = folder();
        Process sleeper = new ProcessBuilder("sleep", "60").start();
        try {
            long started = sleeper.info().startInstant().orElseThrow().toEpochMilli();
            Files.writeString(run.resolve("run.lock"), "process %d, started %s%n".formatted(sleeper.pid(), Instant.ofEpochMilli(started)));
            launch(run, new WriterProcess(sleeper.pid(), started, WriterProcess.own().host()), RunStatus.TRAINING, 100);
            assertEquals("training", json(run).path("state").asString());
            sleeper.destroyForcibly().waitFor();
            JsonNode json = json(run);
            assertEquals("gone", json.path("state").asString());
            assertEquals("gone", json.path("ranks").path(0).path("state").asString());
            assertTrue(json.path("page").isNull());
            assertTrue(Run.of("status", run.toString()).out().contains("process %d has ended without a word; go on with './xiaolu resume %s'".formatted(sleeper.pid(), run)));
        } finally {
            sleeper.destroyForcibly();
        }
    }

    @Test void aLaunchThatHasNotWrittenForLongIsGoneWhereverItRan() throws Exception {
        Path run = folder();
        Files.writeString(run.resolve("run.lock"), "process 4100100, started 2026-01-01T00:00:00Z\n");
        launch(run, new WriterProcess(4_100_100, 1, "another-host"), RunStatus.TRAINING, 1000);
        assertEquals("training", json(run).path("state").asString());
        launch(run, new WriterProcess(4_100_100, 1, "another-host"), RunStatus.TRAINING, 30_000);
        JsonNode json = json(run);
        assertEquals("gone", json.path("state").asString());
        assertTrue(json.path("why").asString().contains("has not written for 3"), json.path("why").asString());
    }

    @Test void aLaunchThatIsOverSaysSo() throws Exception {
        Path run = folder();
        launch(run, new WriterProcess(4_100_100, 1, "another-host"), RunStatus.STOPPED, 500_000);
        assertEquals("stopped", json(run).path("state").asString());
    }

    @Test void aRunThatGoesOnInOneProcessAfterALaunchIsToldAsThat() throws Exception {
        Path run = folder();
        launch(run, new WriterProcess(4_100_100, 1, "another-host"), RunStatus.STOPPED, 500_000);
        Files.writeString(run.resolve("metrics.jsonl"), "{\"step\":12,\"loss\":4.0}\n{\"step\":13,\"loss\":3.9}\n");
        try (RunLock _ = RunLock.take(Disk.real(), run)) {
            JsonNode json = json(run);
            assertEquals("training", json.path("state").asString());
            assertEquals(ProcessHandle.current().pid(), json.path("ranks").path(0).path("pid").asLong());
            assertEquals(13, json.path("ranks").path(0).path("last_step").asLong());
            assertEquals(1, json.path("ranks").size());
        }
        assertEquals("stopped", json(run).path("state").asString());
    }

    @Test void aRunInOneProcessIsStartingThenStoppedThenOver() throws Exception {
        Path text = Files.createDirectories(temp.resolve("text")), run = temp.resolve("runs/one");
        for (int i = 0; i < 40; i++) {
            Files.writeString(text.resolve("File" + i + ".java"), "public class File%d {\n    int size() {\n        return %d;\n    }\n}\n".formatted(i, i * 7).repeat(3));
        }
        try (RunLock _ = RunLock.take(Disk.real(), run)) {
            assertEquals("starting", json(run).path("state").asString());
        }
        Run first = Run.of("train", "tiny", "train.steps=4", "train.stop_after=2", "cpu.threads=1", "data.paths=" + text, "run.dir=" + temp.resolve("runs"), "run.name=one");
        assertEquals(0, first.code(), first.err());
        JsonNode json = json(run);
        assertEquals("stopped", json.path("state").asString());
        assertEquals(2, json.path("step").asLong());
        assertEquals(2, json.path("checkpoint").asLong());
        assertTrue(json.path("ranks").path(0).path("pid").isNull() && json.path("process").isNull());
        assertEquals(0, Run.of("resume", run.toString()).code());
        assertEquals("over", json(run).path("state").asString());
        assertEquals(4, json(run).path("ranks").path(0).path("last_step").asLong());
        Files.writeString(run.resolve("run.lock"), "process 4100100, started 2026-01-01T00:00:00Z\n");
        assertEquals("gone", json(run).path("state").asString());
    }

    @Test void whatIsNoRunIsNamed() throws Exception {
        Run nothing = Run.of("status", temp.resolve("nowhere").toString());
        assertEquals(1, nothing.code());
        assertTrue(nothing.err().contains(temp.resolve("nowhere") + ": wanted the folder of a run, found nothing"), nothing.err());
        Run other = Run.of("status", temp.toString());
        assertEquals(1, other.code());
        assertTrue(other.err().contains("found no config.yaml in it"), other.err());
        Run file = Run.of("status", Files.writeString(temp.resolve("file"), "x").toString());
        assertEquals(1, file.code());
        assertTrue(file.err().contains("found a file"), file.err());
        Path run = folder();
        Files.writeString(run.resolve(StatusReader.FILE), "{\"state\":");
        Run torn = Run.of("status", run.toString());
        assertEquals(1, torn.code());
        assertTrue(torn.err().contains("status.json: wanted the status of a run"), torn.err());
        assertEquals(2, Run.of("status").code());
    }
}
