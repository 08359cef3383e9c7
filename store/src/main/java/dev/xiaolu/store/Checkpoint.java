package dev.xiaolu.store;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// A checkpoint on the disk whose manifest is whole and whose files have the wanted sizes; [#verify] reads them too.
///
/// The folder is also a model: `model.safetensors` (or shards), `config.json` and the tokenizer's files lie there under their published names.
/// Thread-safe; the sources that it opens belong to the caller.
public final class Checkpoint {
    /// The stems of the weights' and the optimizer's files.
    static final String WEIGHTS = "model";
    static final String OPTIMIZER = "optimizer";

    private final Disk disk;
    private final Path folder;
    private final Manifest manifest;

    private Checkpoint(Disk disk, Path folder, Manifest manifest) {
        this.disk = disk;
        this.folder = folder;
        this.manifest = manifest;
    }

    /// Opens a checkpoint's folder: reads the manifest and compares sizes. Refuses one that is not whole, naming the file at fault.
    public static Checkpoint open(Disk disk, Path folder) {
        String subject = "checkpoint " + label(folder);
        Path file = folder.resolve(Manifest.FILE);
        checkInput(disk.exists(file), "%s: %s is missing", subject, Manifest.FILE);
        Manifest manifest = Manifest.parse(subject + ": " + Manifest.FILE, disk.read(file));
        manifest.files().forEach((name, seal) -> {
            checkInput(disk.exists(folder.resolve(name)), "%s: %s %s is missing", subject, kind(name), name);
            long bytes = disk.size(folder.resolve(name));
            checkInput(bytes == seal.bytes(), "%s: %s %s has %d bytes, wanted %d", subject, kind(name), name, bytes, seal.bytes());
        });
        return new Checkpoint(disk, folder, manifest);
    }

    /// Reads every file, on up to `threads` threads, and compares it with its hashes. Refuses a damaged one, naming the file at fault.
    public void verify(int threads) {
        var checks = new ArrayList<Future<?>>();
        try (var pool = Executors.newFixedThreadPool(Math.max(1, Math.min(threads, manifest.files().size())))) {
            manifest.files().forEach((name, wanted) -> checks.add(pool.submit(() -> verify(name, wanted))));
            for (Future<?> check : checks) {
                check.get();
            }
        } catch (ExecutionException failed) {
            throw switch (failed.getCause()) {
                case InputException damaged -> damaged;
                case RuntimeException other -> other;
                case Throwable other -> new IllegalStateException(other);
            };
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while reading " + folder, stopped);
        }
    }

    private void verify(String name, FileSeal wanted) {
        FileSeal found = FileSeal.of(disk, folder.resolve(name));
        checkInput(found.equals(wanted), "checkpoint %s: %s %s is damaged: its SHA-256 is %s…, wanted %s…",
            label(folder), kind(name), name, found.sha256().substring(0, 12), wanted.sha256().substring(0, 12));
    }

    /// What messages call it, for example `step-120`.
    public String label() {
        return label(folder);
    }

    static String label(Path folder) {
        return folder.getFileName().toString().replaceFirst("^step-0*(?=\\d)", "step-");
    }

    private static String kind(String file) {
        return file.endsWith(".safetensors") ? "shard" : "file";
    }

    public Path folder() {
        return folder;
    }

    public Manifest manifest() {
        return manifest;
    }

    /// Steps done when it was saved.
    public long step() {
        return manifest.step();
    }

    /// Opens the weights.
    public TensorSource weights() {
        return ShardedSafetensors.open(disk, folder, WEIGHTS);
    }

    /// Opens the optimizer's tensors.
    public TensorSource optimizer() {
        return ShardedSafetensors.open(disk, folder, OPTIMIZER);
    }

    /// One of the small files, such as `config.json`; refuses a name that the manifest does not hold.
    public byte[] file(String name) {
        checkInput(manifest.files().containsKey(name), "checkpoint %s: holds no file %s, only %s", label(), name, manifest.files().keySet());
        return disk.read(folder.resolve(name));
    }

    /// What one save puts into a checkpoint.
    ///
    /// @param step steps done
    /// @param weights by published name, in the order of the model
    /// @param optimizer the optimizer's tensors; may be empty
    /// @param digests the fingerprint of every weight
    /// @param chain the run's digest chain up to this step
    /// @param files small files by name: `config.json`, the tokenizer's
    /// @param extra whatever the run wants to find again, as maps, lists, texts and numbers
    public record Contents(long step, Map<String, Tensor> weights, Map<String, Tensor> optimizer,
            Map<String, TensorDigest> digests, DigestChain chain, Map<String, byte[]> files, Map<String, ?> extra) {
        Head head() {
            return new Head(step, digests, chain, files, extra);
        }
    }

    /// What stands beside the tensors, as in [Contents].
    public record Head(long step, Map<String, TensorDigest> digests, DigestChain chain, Map<String, byte[]> files, Map<String, ?> extra) {}
}
