package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.store.DigestChain;
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
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Whole runs over real worker processes.
@Timeout(900)
class LaunchTest {
    @TempDir Path temp;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    /// A worker as a program.
    public static void main(String[] words) {
        new Worker(Contract.of(System.getenv()), Screen.plain(System.out)).run();
    }

    private static List<String> command() {
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

    @Test void twoWorkersOfWhichOneIsKilledGiveTheBitsOfOneProcessAndLeaveNothing() throws Exception {
        Screen screen = Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8));
        var killed = new AtomicBoolean();
        var launch = new Launch(command(), screen, () -> false, disturbance -> Thread.ofPlatform().daemon().start(() -> {
            while (!disturbance.isOver() && !killed.get()) {
                if (disturbance.committed() >= 4 && !disturbance.members().isEmpty()) {
                    ProcessHandle.of(disturbance.members().getFirst().pid()).orElseThrow().destroyForcibly();
                    killed.set(true);
                }
                Thread.onSpinWait();
            }
        }));
        DigestChain alone = chain("alone", launch, "train.steps=12", "train.checkpoint_every=3", "train.eval_every=2");
        DigestChain together = chain("together", launch, "train.steps=12", "train.checkpoint_every=3", "train.eval_every=2", "launch.workers=2", "launch.double_check=0.3");
        assertEquals(alone, together);
        assertTrue(killed.get());
        assertTrue(Files.notExists(temp.resolve("together/run/launch/run.key")));
        assertEquals(12, Files.readAllLines(temp.resolve("together/run/metrics.jsonl")).size());
    }
}
