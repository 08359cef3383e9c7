package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.StatusReader;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Whole runs whose coordinator has three replicas, of which the leading one is killed with its process: workers, and the process that the user has started.
@Timeout(1200)
@DisabledOnOs(OS.WINDOWS)                                        // has no such signals
@Execution(ExecutionMode.CONCURRENT)
class LeadersTest {
    private static final int STEPS = 400;
    private static final String[] SETTINGS = {"train.steps=" + STEPS, "train.checkpoint_every=50", "train.eval_every=40"};
    private static final String[] THREE = {"launch.workers=3", "launch.coordinators=3", "launch.page_port=-1"};

    @TempDir Path temp;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final Screen screen = Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8));

    /// A launch as a program: a folder, then settings.
    public static void main(String[] words) {
        Path folder = Path.of(words[0]);
        Screen out = Screen.plain(System.out);
        RunConfig config = LoneRank.config(folder, Arrays.copyOfRange(words, 1, words.length));
        new TrainRun(out, () -> false, new Launch(LaunchTest.command(), out, () -> false)).start(config, folder.resolve("run"));
    }

    private static String[] with(String[] some, String... more) {
        var all = new ArrayList<>(List.of(some));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    private TrainRun run(Optional<Drill> drill) {
        return new TrainRun(screen, () -> false, new Launch(LaunchTest.command(), screen, () -> false, drill));
    }

    private Checkpoint alone() {
        return run(Optional.empty()).start(LoneRank.config(temp.resolve("alone"), SETTINGS), temp.resolve("alone/run")).checkpoint().orElseThrow();
    }

    private void assertWhole(Checkpoint calm, Path run) throws IOException {
        Checkpoint found = Checkpoint.open(dev.xiaolu.platform.Disk.real(), run.resolve("checkpoints/step-%06d".formatted(STEPS)));
        assertEquals(calm.manifest().chain(), found.manifest().chain(), printed::toString);
        assertEquals(calm.manifest().weightsDigest(), found.manifest().weightsDigest());
        List<Long> steps = dev.xiaolu.train.JsonLines.read(run.resolve("metrics.jsonl"), row -> row.path("step").asLong());
        assertEquals(LongStream.rangeClosed(1, STEPS).boxed().toList(), steps);
        List<Long> evaluated = dev.xiaolu.train.JsonLines.read(run.resolve("metrics.jsonl"), row -> row.path("validation_loss").isNumber() ? row.path("step").asLong() : 0L).stream().filter(step -> step > 0).toList();
        assertEquals(LongStream.rangeClosed(1, STEPS).filter(step -> step % 40 == 0).boxed().toList(), evaluated, "evaluations");
        assertEquals(List.of(), Logs.faults(ConfigReader.file(run.resolve("config.yaml"), List.of()), run));
    }

    @Test void leadersThatAreKilledAreFollowedByOthersAndTheRunEndsInTheBitsOfOneProcess() throws Exception {
        Checkpoint calm = alone();
        var drill = new Drill(EnumSet.of(Drill.Fault.LEADER), 1500, 3, 7);
        Path folder = temp.resolve("together");
        try {
            run(Optional.of(drill)).start(LoneRank.config(folder, with(SETTINGS, THREE)), folder.resolve("run"));
        } catch (InputException failed) {
            throw new AssertionError(printed + "\n" + failed.getMessage() + logs(folder), failed);
        }
        assertWhole(calm, folder.resolve("run"));
        System.out.println(drill.total() + " leaders killed, others went on after " + drill.recoveries(Drill.Fault.LEADER) + " s");
        assertTrue(drill.total() > 0, "no leader was killed");
        assertEquals(List.of(), drill.unexplained());
        assertTrue(Files.notExists(folder.resolve("run/launch/run.key")));
    }

    private static String logs(Path folder) throws IOException {
        var all = new StringBuilder();
        for (int worker = 0; worker < 3; worker++) {
            Path log = folder.resolve("run/launch/worker-%d.log".formatted(worker));
            all.append("\n").append(log.getFileName()).append(":\n").append(Files.exists(log) ? Files.readString(log) : "none");
        }
        return all.toString();
    }

    private RunStatus await(Path run, Process launcher, Predicate<RunStatus> isSo) throws Exception {
        long until = System.nanoTime() + 600_000_000_000L;
        while (System.nanoTime() < until) {
            if (Files.exists(run.resolve("config.yaml")) && Files.exists(run.resolve(StatusReader.FILE))) {
                RunStatus status = StatusReader.read(run, Clock.real());
                if (isSo.test(status)) {
                    return status;
                }
                assertFalse(status.state().equals(RunStatus.FAILED), status.json());
            }
            Thread.sleep(50);
        }
        throw new AssertionError("launcher %s, %s%s".formatted(launcher.isAlive() ? "lives" : "has ended", StatusReader.read(run, Clock.real()).json(), logs(run.getParent())));
    }

    @Test void runGoesOnAndEndsByItselfWhenTheProcessThatLaunchedItIsKilled() throws Exception {
        Checkpoint calm = alone();
        Path folder = temp.resolve("orphans"), run = folder.resolve("run");
        var command = new ArrayList<>(LaunchTest.command());
        command.set(command.size() - 1, LeadersTest.class.getName());
        command.add(folder.toString());
        command.addAll(List.of(with(SETTINGS, THREE)));
        Process launcher = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(temp.resolve("launcher.log").toFile()).start();
        try {
            await(run, launcher, status -> status.step() >= 3);
            launcher.destroyForcibly().waitFor();
            RunStatus after = await(run, launcher, status -> status.step() >= 6 && status.process().orElseThrow().pid() != launcher.pid());
            var refused = org.junit.jupiter.api.Assertions.assertThrows(InputException.class, () -> run(Optional.empty()).resume(run, List.of()));
            assertTrue(refused.getMessage().contains("in use by process"), refused.getMessage());
            assertTrue(after.coordinators().size() >= 2, after.json());
            await(run, launcher, status -> status.state().equals(RunStatus.OVER));
            assertWhole(calm, run);
            for (var one : after.ranks()) {
                ProcessHandle.of(one.pid().orElseThrow()).ifPresent(process -> process.onExit().join());
            }
            assertTrue(Files.notExists(run.resolve("launch/run.key")));
            assertEquals(STEPS, run(Optional.empty()).resume(run, List.of("launch.workers=1", "launch.coordinators=1")).steps());
        } finally {
            launcher.destroyForcibly();
            for (var worker : StatusReader.read(run, Clock.real()).ranks()) {
                worker.pid().flatMap(ProcessHandle::of).ifPresent(ProcessHandle::destroyForcibly);
            }
        }
    }
}
