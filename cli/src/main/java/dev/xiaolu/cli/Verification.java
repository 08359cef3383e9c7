package dev.xiaolu.cli;

import dev.xiaolu.op.Digest;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.FileSeal;
import dev.xiaolu.store.Manifest;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/// Reads checkpoints whole: every byte against the CRC-32C and SHA-256 of its manifest, every weight against its digest.
final class Verification {
    private Verification() {}

    /// Adds a row for each checkpoint of a run, or for the one in this folder.
    ///
    /// @return whether all are whole
    static boolean run(Path path, int threads, Table table) {
        boolean whole = true;
        for (Path folder : folders(path)) {
            Object files = "-", bytes = "-", verdict = "whole";
            try {
                Checkpoint checkpoint = Checkpoint.open(Disk.real(), folder);
                files = checkpoint.manifest().files().size();
                bytes = checkpoint.manifest().files().values().stream().mapToLong(FileSeal::bytes).sum();
                checkpoint.verify(threads);
                compareWeights(checkpoint);
            } catch (InputException | DiskException damaged) {
                if (!Files.exists(folder)) {                     // a run that goes on keeps the newest ones only
                    continue;
                }
                verdict = damaged.getMessage();
                whole = false;
            }
            table.row(folder.getFileName(), files, bytes, verdict);
        }
        return whole;
    }

    private static List<Path> folders(Path path) {
        if (Files.isRegularFile(path.resolve(Manifest.FILE))) {
            return List.of(path);
        }
        if (!Files.isDirectory(path) || !ModelFolder.isRun(path)) {
            throw WrongUsage.of("--verify wants a run or a checkpoint, %s has no manifest", path);
        }
        var store = new CheckpointStore(path, CheckpointStore.Keep.ALL);
        List<Path> folders = store.steps().stream().map(store::folder).toList();
        if (folders.isEmpty()) {
            throw InputException.of("%s: wanted checkpoints to verify, found none yet", path);
        }
        return folders;
    }

    private static void compareWeights(Checkpoint checkpoint) {
        Scratch scratch = Compute.current().scratch();
        try (TensorSource source = checkpoint.weights()) {
            for (Map.Entry<String, TensorDigest> wanted : checkpoint.manifest().tensors().entrySet()) {
                Scratch.Mark before = scratch.mark();
                TensorDigest found = TensorDigest.of(source.type(wanted.getKey()), Compute.one(new Digest(0), source.tensor(wanted.getKey())));
                scratch.reset(before);
                if (!found.equals(wanted.getValue())) {
                    throw InputException.of("checkpoint %s: weight %s has the digest %s, wanted %s", checkpoint.label(), wanted.getKey(), found.hex(), wanted.getValue().hex());
                }
            }
        }
    }
}
