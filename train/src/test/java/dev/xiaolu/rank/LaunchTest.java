package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Whole runs over real worker processes.
@Timeout(900)
@Execution(ExecutionMode.CONCURRENT)
class LaunchTest {
    @TempDir Path temp;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    /// A worker as a program.
    public static void main(String[] words) {
        new Worker(Contract.of(System.getenv()), Screen.plain(System.out)).run();
    }

    static List<String> command() {
        var command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(option -> option.startsWith("--add-modules") || option.startsWith("--enable-native")).forEach(command::add);
        command.addAll(List.of("--add-modules=jdk.incubator.vector", "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), LaunchTest.class.getName()));
        return command;
    }

    private DigestChain chain(String name, Launch launch, String... overrides) {
        RunConfig config = LoneRank.config(temp.resolve(name), overrides);
        var run = new TrainRun(Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8)), () -> false, launch);
        try {
            return run.start(config, temp.resolve(name).resolve("run")).checkpoint().orElseThrow().manifest().chain();
        } catch (RuntimeException failed) {
            throw new IllegalStateException(printed + "\n" + failed.getMessage(), failed);
        }
    }

    @Test void workersThatAreKilledAndCutOffGiveTheBitsOfOneProcessAndLeaveNothing() throws Exception {
        Screen screen = Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8));
        var drill = new Drill(EnumSet.of(Drill.Fault.KILL, Drill.Fault.CUT, Drill.Fault.CLOCK), 1200, 6, 7);
        var launch = new Launch(command(), screen, () -> false, Optional.of(drill));
        String[] settings = {"train.steps=60", "train.checkpoint_every=10", "train.eval_every=20"};
        DigestChain alone = chain("alone", launch, settings);
        var over = new ArrayList<>(List.of(settings));
        over.addAll(List.of("launch.workers=3", "launch.double_check=0.2"));
        DigestChain together = chain("together", launch, over.toArray(String[]::new));
        assertEquals(alone, together, printed::toString);
        assertTrue(drill.total() > 0, "nothing was disturbed");
        assertEquals(List.of(), drill.unexplained());
        Path run = temp.resolve("together/run");
        assertEquals(List.of(), Logs.faults(ConfigReader.file(run.resolve("config.yaml"), List.of()), run));
        assertTrue(Files.notExists(run.resolve("launch/run.key")));
        assertEquals(60, Files.readAllLines(run.resolve("metrics.jsonl")).size());
    }

    @Test void aWorkerThatCannotStartIsToldWithItsLastWords() {
        Screen screen = Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8));
        List<String> broken = List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-version", "no.such.Program");
        var refused = assertThrows(IllegalStateException.class, () -> chain("broken", new Launch(broken, screen, () -> false), "launch.workers=2"));
        assertTrue(refused.getMessage().contains("before it could join the run; the last words in"), refused.getMessage());
    }
}
