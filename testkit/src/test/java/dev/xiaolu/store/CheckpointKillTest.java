package dev.xiaolu.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real process that does nothing but save is killed at random moments, again and again in one folder.
class CheckpointKillTest {
    private static final int KILLS = 20;
    private static final CheckpointStore.Keep TWO = new CheckpointStore.Keep(2, 0);

    @TempDir Path folder;

    /// The process: goes on from the newest checkpoint and tells each step that is saved.
    static final class Saver {
        public static void main(String[] arguments) {
            Path run = Path.of(arguments[0]);
            try (var _ = RunLock.take(Disk.real(), run)) {
                var store = SavedSteps.store(Disk.real(), run, TWO);
                store.tidy();
                for (long step = store.newest().whole().map(Checkpoint::step).orElse(0L) + 1;; step++) {
                    System.out.println(SavedSteps.save(store, step, 200).step());
                }
            }
        }
    }

    @Test void killedSaverAlwaysLeavesItsLastCheckpointWhole() throws IOException, InterruptedException {
        Path run = folder.resolve("run");
        long seed = Long.getLong("xiaolu.test.seed", 20261123);
        var random = new Random(seed);
        long last = 0;
        int inTheMiddle = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            Path told = folder.resolve("told" + kill);
            Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Saver.class.getName(), run.toString()).redirectOutput(told.toFile()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            while (lastTold(told) == 0 && process.isAlive()) {
                Thread.sleep(5);
            }
            Thread.sleep(random.nextInt(60), random.nextInt(1_000_000));
            process.destroyForcibly().waitFor();
            last = Math.max(last, lastTold(told));
            inTheMiddle += Disk.real().list(run.resolve("checkpoints")).stream().anyMatch(path -> path.getFileName().toString().startsWith(".")) ? 1 : 0;
            var newest = SavedSteps.store(Disk.real(), run, TWO).newestVerified(1);
            String where = "kill " + kill + "; replay with -Dxiaolu.test.seed=" + seed;
            assertEquals("", newest.warning(), where);
            assertTrue(newest.whole().orElseThrow().step() >= last, where + ": step " + last + " was saved, found " + newest.whole().get().label());
            SavedSteps.assertWhole(newest.whole().get());
        }
        assertTrue(inTheMiddle >= 3, "only " + inTheMiddle + " of " + KILLS + " kills hit a save in its middle");
        assertTrue(last >= KILLS, "only " + last + " steps were saved");
        try (var _ = RunLock.take(Disk.real(), run)) {               // a killed process holds no lock
            var store = SavedSteps.store(Disk.real(), run, TWO);
            long next = store.newest().whole().orElseThrow().step() + 1;
            SavedSteps.save(store, next, 200);                       // the kill may have hit a saver just before it deleted what is too old: the next save does it
            assertEquals(List.of(next - 1, next), store.steps());
        }
    }

    /// The last whole line of what the process printed, 0 when there is none yet.
    private static long lastTold(Path told) throws IOException {
        String text = Files.readString(told);
        var lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        return lines.isEmpty() ? 0 : Long.parseLong(lines.getLast());
    }
}
