package dev.xiaolu.cli;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/// Finds the model that a person means: a folder in the Hugging Face layout, a checkpoint's folder, or a run, whose newest whole checkpoint is taken.
final class ModelFolder {
    private ModelFolder() {}

    /// The folder with `config.json` and weights; what is wrong with newer checkpoints goes to `err`.
    static Path find(Path path, PrintStream err) {
        if (Files.isRegularFile(path.resolve("config.json"))) {
            return path;
        }
        if (isRun(path)) {
            return newest(path, err).folder();
        }
        throw InputException.of("%s: wanted a folder with config.json and model.safetensors, or a run; found %s", path,
                !Files.exists(path) ? "nothing" : Files.isDirectory(path) ? "a folder without them" : "a file");
    }

    /// Whether this is the folder of a run.
    static boolean isRun(Path path) {
        return Files.isDirectory(path.resolve("checkpoints")) || Files.isRegularFile(path.resolve("config.yaml"));
    }

    /// The newest whole checkpoint of a run.
    static Checkpoint newest(Path run, PrintStream err) {
        CheckpointStore.Newest newest = new CheckpointStore(run, CheckpointStore.Keep.ALL).newest();
        if (!newest.warning().isEmpty()) {
            err.println("warning: " + newest.warning());
        }
        return newest.whole().orElseThrow(() -> InputException.of("run %s: wanted a whole checkpoint, found none; train it first, or longer: './xiaolu resume %s'", run, run));
    }
}
