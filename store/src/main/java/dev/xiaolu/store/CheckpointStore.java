package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.op.Numerics;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The checkpoints of a run, under `checkpoints/step-000120/` in its folder.
///
/// A checkpoint comes into being by one rename: everything is written and forced in a hidden folder, the manifest last, then the folder gets its name.
/// So a kill, a full disk or a loss of power at any moment leaves the older ones whole and the new one whole or absent; hidden leftovers are removed by
/// the next [#save] or [#tidy]. What the disk does to the bytes later is found by sizes and hashes. One process writes at a time ([RunLock]); any may read.
public final class CheckpointStore {
    /// The largest shard that is written.
    public static final long MAX_SHARD_BYTES = 4L << 30;

    private static final Pattern NAME = Pattern.compile("step-(\\d{6,18})");
    /// Half-written; a whole one that made room for its like; one that is being deleted.
    private static final String SAVING = ".saving-", REPLACED = ".replaced-", RETIRED = ".retired-";

    private final Disk disk;
    private final Path run;
    private final Path folder;
    private final Keep keep;
    private final long maxShardBytes;

    /// Over the folder of a run.
    public CheckpointStore(Disk disk, Path runFolder, Keep keep, long maxShardBytes) {
        this.disk = disk;
        this.run = runFolder;
        this.folder = runFolder.resolve("checkpoints");
        this.keep = keep;
        this.maxShardBytes = maxShardBytes;
    }

    /// Over the folder of a run, on the real disk, with shards of the usual size.
    public CheckpointStore(Path runFolder, Keep keep) {
        this(Disk.real(), runFolder, keep, MAX_SHARD_BYTES);
    }

    /// Which checkpoints outlive the next ones.
    ///
    /// @param newest how many of the newest whole ones, at least 1
    /// @param every besides, every one whose step is a multiple of this; 0 for none
    public record Keep(int newest, long every) {
        /// Nothing is ever deleted.
        public static final Keep ALL = new Keep(Integer.MAX_VALUE, 0);

        public Keep {
            check(newest >= 1, "Keep: newest is %d, wanted at least 1", newest);
            check(every >= 0, "Keep: every is %d, wanted 0 or more", every);
        }
    }

    /// The outcome of a search.
    ///
    /// @param whole the newest whole checkpoint, where there is one
    /// @param warning what is wrong with newer ones and which is taken instead; empty when all is well
    public record Newest(Optional<Checkpoint> whole, String warning) {}

    /// The newest checkpoint whose manifest and sizes are right; reads no tensors.
    public Newest newest() {
        return newest(_ -> {});
    }

    /// The newest checkpoint of which every byte is right, read on up to `threads` threads.
    public Newest newestVerified(int threads) {
        return newest(checkpoint -> checkpoint.verify(threads));
    }

    private Newest newest(Consumer<Checkpoint> test) {
        var faults = new ArrayList<String>();
        for (Path candidate : folders().reversed()) {
            try {
                Checkpoint checkpoint = Checkpoint.open(disk, candidate);
                test.accept(checkpoint);
                return new Newest(Optional.of(checkpoint), faults.isEmpty() ? "" : String.join("; ", faults) + "; newest whole checkpoint is " + checkpoint.label());
            } catch (InputException damaged) {
                faults.add(damaged.getMessage());
            } catch (DiskException unreadable) {
                faults.add("checkpoint " + Checkpoint.label(candidate) + ": " + unreadable.getMessage());
            }
        }
        return new Newest(Optional.empty(), faults.isEmpty() ? "" : String.join("; ", faults) + "; no whole checkpoint is left");
    }

    /// The steps of which there is a checkpoint, whole or not, ascending.
    public List<Long> steps() {
        return folders().stream().map(CheckpointStore::step).toList();
    }

    /// The folder of the checkpoint of a step.
    public Path folder(long step) {
        return folder.resolve("step-%06d".formatted(step));
    }

    private List<Path> folders() {
        if (!disk.isDirectory(folder)) {
            return List.of();
        }
        var folders = new TreeMap<Long, Path>();
        for (Path path : disk.list(folder)) {
            if (NAME.matcher(path.getFileName().toString()).matches() && path.equals(folder(step(path))) && disk.isDirectory(path)) {
                folders.put(step(path), path);
            }
        }
        return List.copyOf(folders.values());
    }

    private static long step(Path folder) {
        return Long.parseLong(folder.getFileName().toString().substring("step-".length()));
    }

    /// Saves a checkpoint, then deletes those that need not be kept. When it returns, the checkpoint outlasts a loss of power.
    /// Throws [CheckpointNotSavedException] when the disk fails; all older checkpoints are whole then.
    public Checkpoint save(Checkpoint.Contents contents) {
        var types = new HashMap<String, TensorType>();
        contents.digests().forEach((name, digest) -> types.put(name, digest.type()));
        var wanted = new HashMap<String, TensorType>();
        contents.weights().forEach((name, tensor) -> wanted.put(name, tensor.type()));
        check(contents.step() >= 0, "a checkpoint of step %d", contents.step());
        check(types.equals(wanted), "the digests are of other tensors than the weights");
        Path place = folder(contents.step());
        Path saving = hidden(SAVING, place);
        try {
            disk.createDirectories(folder);
            disk.forceDirectory(run);
            tidy();
            disk.createDirectories(saving);
            write(saving, contents);
            disk.forceDirectory(saving);
            commit(saving, place);
        } catch (DiskException failure) {
            attempt(this::tidy);
            String newest = newest().whole().map(Checkpoint::label).map("the newest whole checkpoint is still "::concat).orElse("there is no older one");
            throw new CheckpointNotSavedException("checkpoint %s is not saved: %s; %s%s".formatted(Checkpoint.label(place), failure.getMessage(), newest,
                failure.isFull() ? "; make room on the disk, the next save tries again" : ""), failure);
        }
        attempt(this::retire);
        return Checkpoint.open(disk, place);
    }

    private void write(Path saving, Checkpoint.Contents contents) {
        var seals = new TreeMap<String, FileSeal>();
        Function<String, Disk.Output> create = name -> FileSeal.whileWriting(disk.create(saving.resolve(name)), seal -> seals.put(name, seal));
        ShardedSafetensors.write(create, Checkpoint.WEIGHTS, contents.weights(), Map.of("format", "pt"), maxShardBytes);
        if (!contents.optimizer().isEmpty()) {
            ShardedSafetensors.write(create, Checkpoint.OPTIMIZER, contents.optimizer(), Map.of(), maxShardBytes);
        }
        contents.files().forEach((name, bytes) -> {
            check(PlainName.is(name) && !name.equals(Manifest.FILE) && !seals.containsKey(name), "a checkpoint cannot hold a file '%s'", name);
            write(create.apply(name), bytes);
        });
        JsonNode extra = JsonMapper.shared().valueToTree(contents.extra());
        var manifest = new Manifest(Numerics.VERSION, contents.step(), Collections.unmodifiableMap(seals), contents.digests(),
            DigestChain.digest(contents.digests()), contents.chain(), extra);
        write(disk.create(saving.resolve(Manifest.FILE)), manifest.toBytes());
    }

    private static void write(Disk.Output output, byte[] bytes) {
        try (output) {
            output.write(ByteBuffer.wrap(bytes));
            output.force();
        }
    }

    private void commit(Path saving, Path place) {
        Path replaced = hidden(REPLACED, place);
        if (disk.exists(place)) {
            disk.move(place, replaced);                     // the same step again: a folder cannot be replaced in one step, so tidy() knows how to go back
        }
        disk.move(saving, place);
        disk.forceDirectory(folder);
        attempt(() -> disk.deleteTree(replaced));
    }

    /// Removes what killed or failed saves and deletions have left; a checkpoint that had made room for a new one that never came gets its place back.
    /// Only for the process that holds the run's lock.
    public void tidy() {
        if (!disk.isDirectory(folder)) {
            return;
        }
        for (Path path : disk.list(folder)) {
            String name = path.getFileName().toString();
            if (name.startsWith(SAVING) || name.startsWith(RETIRED)) {
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
    private void retire() {
        var folders = folders();
        if (folders.size() <= keep.newest) {
            return;
        }
        int kept = 0;
        for (Path path : folders.reversed()) {
            if (kept < keep.newest) {
                kept += isWhole(path) ? 1 : 0;
            } else if (keep.every == 0 || step(path) % keep.every != 0) {
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
    private static void attempt(Runnable work) {
        try {
            work.run();
        } catch (DiskException _) {
            // the next save or tidy() tries again
        }
    }
}
