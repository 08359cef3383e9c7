package dev.xiaolu.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.testkit.FaultyDisk;
import dev.xiaolu.testkit.FaultyDisk.Killed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Saves that are broken off at every place there is.
class CheckpointCrashTest {
    private static final CheckpointStore.Keep TWO = new CheckpointStore.Keep(2, 0);

    @TempDir Path folder;

    /// Three saves, the last of which retires the first; or, with `again`, the last step a second time.
    private static void saveThrice(Disk disk, Path run, boolean again) {
        var store = SavedSteps.store(disk, run, TWO);
        SavedSteps.save(store, 1);
        SavedSteps.save(store, 2);
        SavedSteps.save(store, again ? 2 : 3);
    }

    private static long operations(Path run, boolean again) {
        var disk = new FaultyDisk();
        saveThrice(disk, run, again);
        return disk.operations();
    }

    /// What a process that comes after finds: a whole checkpoint not older than `atLeast`, no warning when nothing may be damaged, and room to go on.
    private static long findAndGoOn(Path run, long atLeast, boolean calm, String where) {
        var store = SavedSteps.store(new FaultyDisk(), run, TWO);     // without faults: as the real one, but forcing costs no time
        store.tidy();
        var newest = store.newestVerified(1);
        long step = newest.whole().map(Checkpoint::step).orElse(0L);
        assertTrue(step >= atLeast, where + ": step " + step + " is the newest, wanted " + atLeast + "; " + newest.warning());
        newest.whole().ifPresent(SavedSteps::assertWhole);
        if (calm) {
            assertEquals("", newest.warning(), where);
        }
        SavedSteps.save(store, 9);
        SavedSteps.assertWhole(store.newestVerified(1).whole().orElseThrow());
        assertTrue(Disk.real().list(run.resolve("checkpoints")).stream().noneMatch(path -> path.getFileName().toString().startsWith(".")), where + ": leftovers");
        return step;
    }

    @Test void killAtEveryOperationLeavesTheNewestSavedWhole() throws IOException {
        for (boolean again : new boolean[] {false, true}) {
            long operations = operations(folder.resolve("calm" + again), again);
            assertTrue(operations > 100, "only " + operations + " operations");
            Set<Long> found = new TreeSet<>();
            long before = 0;
            for (long at = 0; at < operations; at++) {
                Path run = folder.resolve("kill-" + again + at);
                var disk = new FaultyDisk().killAt(at);
                assertThrows(Killed.class, () -> saveThrice(disk, run, again));
                long step = findAndGoOn(run, before, true, "killed at operation " + at);
                before = step;                                       // what was saved once is never lost by a later kill
                found.add(step);
            }
            assertEquals(again ? Set.of(0L, 1L, 2L) : Set.of(0L, 1L, 2L, 3L), found);
        }
    }

    @Test void fullDiskAtEveryByteIsToldAndLeavesTheOlderWhole() {
        var calm = new FaultyDisk();
        SavedSteps.save(SavedSteps.store(calm, folder.resolve("calm"), TWO), 2);
        for (long room = 0; room < calm.written(); room += 11) {
            Path run = folder.resolve("full" + room);
            SavedSteps.save(SavedSteps.store(new FaultyDisk(), run, TWO), 1);
            var store = SavedSteps.store(new FaultyDisk().room(room), run, TWO);
            var failure = assertThrows(CheckpointNotSavedException.class, () -> SavedSteps.save(store, 2));
            assertTrue(failure.isDiskFull());
            assertTrue(failure.getMessage().startsWith("checkpoint step-2 is not saved: "), failure.getMessage());
            assertTrue(failure.getMessage().endsWith("the disk is full; the newest whole checkpoint is still step-1; make room on the disk, the next save tries again"), failure.getMessage());
            assertEquals(List.of("step-000001"), Disk.real().list(run.resolve("checkpoints")).stream().map(path -> path.getFileName().toString()).toList());
            SavedSteps.assertWhole(store.newestVerified(1).whole().orElseThrow());
        }
    }

    @Test void lossOfPowerAtEveryOperationLosesNoSavedCheckpoint() {
        long operations = operations(folder.resolve("calm"), false);
        long[] done = new long[1];
        for (long at = 0; at < operations; at++) {
            for (long seed = 0; seed < 3; seed++) {
                Path run = folder.resolve("power-" + at + "-" + seed);
                var disk = new FaultyDisk();
                disk.createDirectories(run);
                disk.forceDirectory(folder);                         // the run's own folder is made before the first checkpoint
                disk.killAt(at + disk.operations());
                done[0] = 0;
                try {
                    var store = SavedSteps.store(disk, run, TWO);
                    for (long step = 1; step <= 3; step++) {
                        SavedSteps.save(store, step);
                        done[0] = step;
                    }
                } catch (Killed _) {
                    // as wanted
                }
                disk.crash(seed);
                findAndGoOn(run, done[0], false, "power lost at operation " + at + ", seed " + seed);
            }
        }
    }

    @Test void diskThatLiesAboutForcingCannotPassHalfACheckpointOff() {
        int damaged = 0;
        for (long seed = 0; seed < 200; seed++) {
            Path run = folder.resolve("lies" + seed);
            var disk = new FaultyDisk();
            SavedSteps.save(SavedSteps.store(disk, run, TWO), 1);
            disk.lying();
            SavedSteps.save(SavedSteps.store(disk, run, TWO), 2);
            disk.crash(seed);
            var newest = SavedSteps.store(Disk.real(), run, TWO).newestVerified(1);
            SavedSteps.assertWhole(newest.whole().orElseThrow());
            damaged += newest.warning().isEmpty() ? 0 : 1;
        }
        assertTrue(damaged > 50, "only " + damaged + " of 200 crashes damaged the newest checkpoint");
    }
}
