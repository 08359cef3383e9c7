package dev.xiaolu.cli;

import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.models.llama.LlamaWeights;
import dev.xiaolu.models.qwen3moe.Qwen3MoeWeights;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.ConfigJson;
import dev.xiaolu.store.Manifest;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Finds the model that a person means: a folder in the Hugging Face layout, a checkpoint's folder, or a run, whose newest whole checkpoint is taken.
final class ModelFolder {
    private ModelFolder() {}

    /// The folder with `config.json` and weights; what is wrong with newer checkpoints goes to `err`. A checkpoint's bytes are compared with its hashes before they are used.
    static Path find(Path path, PrintStream err) {
        if (Files.isRegularFile(path.resolve("config.json"))) {
            if (Files.isRegularFile(path.resolve(Manifest.FILE))) {
                checkpoint(path);
            }
            return path;
        }
        if (isRun(path)) {
            return newest(path, err).folder();
        }
        throw InputException.of("%s: wanted a folder with config.json and model.safetensors, or a run; found %s", path,
                !Files.exists(path) ? "nothing" : Files.isDirectory(path) ? "a folder without them" : "a file");
    }

    /// The model in a folder that [#find] gave, of whatever family its `config.json` names; runs on the current [dev.xiaolu.tensor.Compute].
    static LanguageModel load(Path folder, Arena arena) {
        return switch (Family.of(folder)) {
            case DEEPSEEK_V4 -> DeepSeekV4Weights.load(folder, arena);
            case LLAMA -> LlamaWeights.load(folder, arena);
            case QWEN3_MOE -> Qwen3MoeWeights.load(folder, arena);
        };
    }

    /// The same for inference alone, where matrices may stay in the files as `holding` says.
    static LanguageModel load(Path folder, Arena arena, Holding holding) {
        return holding.isMapped(folder) ? DeepSeekV4Weights.loadStored(folder, arena) : load(folder, arena);
    }

    /// The families of models.
    enum Family {
        DEEPSEEK_V4, LLAMA, QWEN3_MOE;

        /// The types of the families beside DeepSeek-V4's, whose own reader tells those that are only like it.
        private static final List<String> OTHERS = Stream.concat(LlamaWeights.MODEL_TYPES.stream(), Stream.of(Qwen3MoeWeights.MODEL_TYPE)).toList();

        /// The family that a `config.json`, or that of a folder, names. A type that is only like DeepSeek-V4's goes to its reader, which refuses it by name; one that is not known is refused here.
        static Family of(Path path) {
            ConfigJson json = ConfigJson.read(Disk.real(), path);
            String type = json.text("model_type", "");
            if (!type.isEmpty() && !DeepSeekV4Weights.isConfig(json) && !OTHERS.contains(type)) {
                throw InputException.of("%s: model_type is '%s', wanted one of deepseek_v4, %s", path, type, String.join(", ", OTHERS));
            }
            return DeepSeekV4Weights.isConfig(json) ? DEEPSEEK_V4 : type.equals(Qwen3MoeWeights.MODEL_TYPE) ? QWEN3_MOE : LLAMA;
        }
    }

    /// Whether this is the folder of a run.
    static boolean isRun(Path path) {
        return Files.isDirectory(path.resolve("checkpoints")) || Files.isRegularFile(path.resolve("config.yaml"));
    }

    /// The checkpoint in a folder; refuses a damaged one.
    static Checkpoint checkpoint(Path folder) {
        try {
            Checkpoint checkpoint = Checkpoint.open(Disk.real(), folder);
            checkpoint.verify(Runtime.getRuntime().availableProcessors());
            return checkpoint;
        } catch (InputException damaged) {
            throw new InputException(damaged.getMessage() + "; give another checkpoint, or the run, of which the newest whole one is taken", damaged);
        }
    }

    /// The newest whole checkpoint of a run, every byte of it read.
    static Checkpoint newest(Path run, PrintStream err) {
        CheckpointStore.Newest newest = new CheckpointStore(run, CheckpointStore.Keep.ALL).newestVerified(Runtime.getRuntime().availableProcessors());
        if (!newest.warning().isEmpty()) {
            err.println("warning: " + newest.warning());
        }
        return newest.whole().orElseThrow(() -> InputException.of("run %s: wanted a whole checkpoint, found none; train it first, or longer: './xiaolu resume %s'", run, run));
    }
}
