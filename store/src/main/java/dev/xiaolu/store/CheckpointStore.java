package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.op.Numerics;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The checkpoints of a run, under `checkpoints/step-000120/` in its folder.
///
/// A checkpoint comes into being by one rename: everything is written and forced in a hidden folder, the manifest last, then the folder gets its name.
/// So a kill, a full disk or a loss of power at any moment leaves the older ones whole and the new one whole or absent; hidden leftovers are removed by
/// the next [#save] or [#tidy]. What the disk does to the bytes later is found by sizes and hashes. One process writes at a time ([RunLock]); any may read.
/// Several processes of one run may write a checkpoint together: one begins it ([#begin]), each writes its part ([#writePart]), and the one that began ends it ([#end]).
public final class CheckpointStore {
    /// The largest shard that is written.
    public static final long MAX_SHARD_BYTES = 4L << 30;

    /// The attempt of a process that writes all by itself.
    private static final String ALONE = "";

    private final Disk disk;
    private final Path run;
    private final CheckpointFolders folders;
    private final long maxShardBytes;

    /// Over the folder of a run.
    public CheckpointStore(Disk disk, Path runFolder, Keep keep, long maxShardBytes) {
        this.disk = disk;
        this.run = runFolder;
        folders = new CheckpointFolders(disk, runFolder.resolve("checkpoints"), keep);
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
        for (Path candidate : folders.all().reversed()) {
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
        return folders.all().stream().map(CheckpointFolders::step).toList();
    }

    /// The folder of the checkpoint of a step.
    public Path folder(long step) {
        return folders.of(step);
    }

    /// Removes what killed or failed saves and deletions have left; a checkpoint that had made room for a new one that never came gets its place back.
    /// Only for the process that holds the run's lock.
    public void tidy() {
        folders.tidy(Set.of());
    }

    /// Saves a checkpoint, then deletes those that need not be kept. When it returns, the checkpoint outlasts a loss of power.
    /// Throws [CheckpointNotSavedException] when the disk fails; all older checkpoints are whole then.
    public Checkpoint save(Checkpoint.Contents contents) {
        checkFit(contents.head(), contents.weights().keySet());
        CheckpointParts whole = divided(List.of(CheckpointParts.Part.of(contents.weights(), contents.optimizer())));
        return orNotSaved(contents.step(), () -> orAbandoned(contents.step(), ALONE, () -> {
            open(contents.step(), ALONE, Set.of(ALONE));
            return commit(ALONE, whole, sealedPart(contents.step(), ALONE, whole, 0, contents.weights()::get, contents.optimizer()::get), contents.head());
        }));
    }

    /// The files of a checkpoint that several processes write, each a part.
    public CheckpointParts divided(List<CheckpointParts.Part> parts) {
        return new CheckpointParts(parts, maxShardBytes);
    }

    /// Begins a checkpoint that several processes write, of whom one begins and ends it, and deletes what dead attempts have left. Whoever begins may have several under way.
    ///
    /// Throws [CheckpointNotSavedException] when the disk fails.
    ///
    /// @param attempt a plain name that no other attempt has had, of any step
    /// @param alive   the attempts that are under way, this one among them; asked now and not kept
    public void begin(long step, String attempt, Set<String> alive) {
        orNotSaved(step, () -> open(step, attempt, alive));
    }

    private Path open(long step, String attempt, Set<String> alive) {
        Path saving = folders.saving(step, attempt);
        disk.createDirectories(folders.folder());
        disk.forceDirectory(run);
        folders.tidy(alive);
        disk.createDirectories(saving);
        return saving;
    }

    /// Writes a part, in any process that reaches the folder, before [#begin] or after it; tensors are asked for one by one. Gives the seals that [#end] wants, by file.
    /// Throws [CheckpointNotSavedException] when the disk fails.
    public Map<String, FileSeal> writePart(long step, String attempt, CheckpointParts parts, int part, Function<String, Tensor> weights, Function<String, Tensor> optimizer) {
        return orNotSaved(step, () -> sealedPart(step, attempt, parts, part, weights, optimizer));
    }

    private Map<String, FileSeal> sealedPart(long step, String attempt, CheckpointParts parts, int part, Function<String, Tensor> weights, Function<String, Tensor> optimizer) {
        Path saving = folders.saving(step, attempt);
        disk.createDirectories(saving);
        var seals = new TreeMap<String, FileSeal>();
        parts.write(part, sealing(saving, seals), weights, optimizer);
        return seals;
    }

    /// Ends what [#begin] has begun, once all parts are written: from here on it is the newest checkpoint. Then deletes those that need not be kept.
    /// Throws [CheckpointNotSavedException] when the disk fails or does not have what others have written.
    ///
    /// @param seals of the files of all parts
    public Checkpoint end(String attempt, CheckpointParts parts, Map<String, FileSeal> seals, Checkpoint.Head head) {
        checkFit(head, parts.weights());
        return orNotSaved(head.step(), () -> orAbandoned(head.step(), attempt, () -> {
            Path saving = folders.saving(head.step(), attempt);
            seals.forEach((name, seal) -> {
                Path file = saving.resolve(name);
                long bytes = disk.exists(file) ? disk.size(file) : -1;
                if (bytes != seal.bytes()) {
                    throw DiskException.of("commit", file, "another process has written %d bytes, but it %s here; is the folder of the run the same for all?".formatted(seal.bytes(),
                        bytes < 0 ? "is missing" : "has " + bytes), null);
                }
            });
            return commit(attempt, parts, seals, head);
        }));
    }

    /// Takes back what [#begin] has begun, as far as the disk lets it; the next [#begin] does the rest.
    public void abandon(long step, String attempt) {
        CheckpointFolders.attempt(() -> disk.deleteTree(folders.saving(step, attempt)));
    }

    private static void checkFit(Checkpoint.Head head, Set<String> weights) {
        check(head.step() >= 0, "a checkpoint of step %d", head.step());
        check(head.digests().keySet().equals(weights), "the digests are of other tensors than the weights");
    }

    private <T> T orNotSaved(long step, Supplier<T> save) {
        try {
            return save.get();
        } catch (DiskException failure) {
            String newest = newest().whole().map(Checkpoint::label).map("the newest whole checkpoint is still "::concat).orElse("there is no older one");
            throw new CheckpointNotSavedException("checkpoint %s is not saved: %s; %s%s".formatted(Checkpoint.label(folder(step)), failure.getMessage(), newest,
                failure.isFull() ? "; make room on the disk, the next save tries again" : ""), failure);
        }
    }

    private <T> T orAbandoned(long step, String attempt, Supplier<T> save) {
        try {
            return save.get();
        } catch (DiskException failure) {
            abandon(step, attempt);
            throw failure;
        }
    }

    private Function<String, Disk.Output> sealing(Path saving, Map<String, FileSeal> seals) {
        return name -> FileSeal.whileWriting(disk.create(saving.resolve(name)), seal -> seals.put(name, seal));
    }

    private Checkpoint commit(String attempt, CheckpointParts parts, Map<String, FileSeal> written, Checkpoint.Head head) {
        Path saving = folders.saving(head.step(), attempt), place = folder(head.step());
        var seals = new TreeMap<>(written);
        Function<String, Disk.Output> create = sealing(saving, seals);
        parts.writeIndexes(create);
        head.files().forEach((name, bytes) -> {
            check(PlainName.is(name) && !name.equals(Manifest.FILE) && !seals.containsKey(name), "a checkpoint cannot hold a file '%s'", name);
            write(create.apply(name), bytes);
        });
        JsonNode extra = JsonMapper.shared().valueToTree(head.extra());
        var manifest = new Manifest(Numerics.VERSION, head.step(), Collections.unmodifiableMap(seals), head.digests(),
            DigestChain.digest(head.digests()), head.chain(), extra);
        write(disk.create(saving.resolve(Manifest.FILE)), manifest.toBytes());
        disk.forceDirectory(saving);
        folders.commit(saving, place);
        CheckpointFolders.attempt(folders::retire);
        return Checkpoint.open(disk, place);
    }

    private static void write(Disk.Output output, byte[] bytes) {
        try (output) {
            output.write(ByteBuffer.wrap(bytes));
            output.force();
        }
    }
}
