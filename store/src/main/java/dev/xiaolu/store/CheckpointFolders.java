package dev.xiaolu.store;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The folders of a run's checkpoints: how they get their names and lose them, each time by one rename.
///
/// @param disk   where they are
/// @param folder that holds them
/// @param keep   which of them outlive the next ones
record CheckpointFolders(Disk disk, Path folder, CheckpointStore.Keep keep) {
    private static final Pattern NAME = Pattern.compile("step-(\\d{6,18})");
    private static final Pattern ATTEMPT = Pattern.compile("[.]saving-step-\\d+-(.+)");
    /// Half-written; a whole one that made room for its like; one that is being deleted.
    private static final String SAVING = ".saving-", REPLACED = ".replaced-", RETIRED = ".retired-";

    /// The folder of the checkpoint of a step.
    Path of(long step) {
        return folder.resolve("step-%06d".formatted(step));
    }

    /// The folder in which an attempt at it is written; an empty one stands for a process that writes all by itself.
    Path saving(long step, String attempt) {
        Path place = hidden(SAVING, of(step));
        return attempt.isEmpty() ? place : place.resolveSibling(place.getFileName() + "-" + attempt);
    }

    private static String attemptOf(String saving) {
        Matcher parts = ATTEMPT.matcher(saving);
        return parts.matches() ? parts.group(1) : "";
    }

    /// All that have their names, by step.
    List<Path> all() {
        if (!disk.isDirectory(folder)) {
            return List.of();
        }
        var folders = new TreeMap<Long, Path>();
        for (Path path : disk.list(folder)) {
            if (NAME.matcher(path.getFileName().toString()).matches() && path.equals(of(step(path))) && disk.isDirectory(path)) {
                folders.put(step(path), path);
            }
        }
        return List.copyOf(folders.values());
    }

    static long step(Path folder) {
        return Long.parseLong(folder.getFileName().toString().substring("step-".length()));
    }

    /// Gives what is written and forced in `saving` its name.
    void commit(Path saving, Path place) {
        Path replaced = hidden(REPLACED, place);
        if (disk.exists(place)) {
            disk.move(place, replaced);                     // the same step again: a folder cannot be replaced in one step, so tidy() knows how to go back
        }
        disk.move(saving, place);
        disk.forceDirectory(folder);
        attempt(() -> disk.deleteTree(replaced));
    }

    /// Removes what killed or failed saves and deletions have left; a checkpoint that had made room for a new one that never came gets its place back.
    ///
    /// @param alive attempts that are being written now
    void tidy(Set<String> alive) {
        if (!disk.isDirectory(folder)) {
            return;
        }
        for (Path path : disk.list(folder)) {
            String name = path.getFileName().toString();
            if (name.startsWith(SAVING)) {
                if (!alive.contains(attemptOf(name))) {
                    attempt(() -> disk.deleteTree(path));       // where somebody is still at it, it cannot be deleted, or will fail for them
                }
            } else if (name.startsWith(RETIRED)) {
                disk.deleteTree(path);
            } else if (name.startsWith(REPLACED)) {
                Path place = folder.resolve(name.substring(REPLACED.length()));
                if (disk.exists(place)) {
                    disk.deleteTree(path);
                } else {
                    disk.move(path, place);
                    disk.forceDirectory(folder);
                }
            }
        }
    }

    /// Deletes the checkpoints that need not be kept: hidden by a rename first, so that none is ever seen in part. Only whole ones count as kept.
    void retire() {
        var folders = all();
        if (folders.size() <= keep.newest()) {
            return;
        }
        int kept = 0;
        for (Path path : folders.reversed()) {
            if (kept < keep.newest()) {
                kept += isWhole(path) ? 1 : 0;
            } else if (keep.every() == 0 || step(path) % keep.every() != 0) {
                disk.move(path, hidden(RETIRED, path));
                disk.forceDirectory(folder);                // else a loss of power might bring the name back over a half-deleted folder
                disk.deleteTree(hidden(RETIRED, path));
            }
        }
    }

    private boolean isWhole(Path path) {
        try {
            Checkpoint.open(disk, path);
            return true;
        } catch (InputException damaged) {
            return false;
        }
    }

    private static Path hidden(String prefix, Path path) {
        return path.resolveSibling(prefix + path.getFileName());
    }

    /// For what the next save repeats anyway when the disk refuses it now.
    static void attempt(Runnable work) {
        try {
            work.run();
        } catch (DiskException _) {
            // the next save or tidy() tries again
        }
    }
}
