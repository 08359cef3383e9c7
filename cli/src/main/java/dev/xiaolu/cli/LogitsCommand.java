package dev.xiaolu.cli;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Safetensors;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// Writes what a model thinks of the token after each token.
@Command(name = "logits", header = {"Writes a model's logits for a list of tokens.", ""},
        footer = {"", "The file has one tensor, logits, F32 [tokens, vocab].", "", "Example:  ./xiaolu logits --model runs/llama-small/ --tokens 1,2,3 --out logits.safetensors"})
final class LogitsCommand extends Action {
    @Option(names = "--model", paramLabel = "DIR", required = true, description = "Folder of a model, a checkpoint or a run.")
    private Path model;

    @Option(names = "--tokens", paramLabel = "IDS", required = true, description = "Token ids, separated by commas.")
    private String tokens;

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "Safetensors file to write.")
    private Path out;

    @Mixin
    private Placement placement;

    @Mixin
    private Holding holding;

    LogitsCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        int[] ids = ids("--tokens", tokens);
        checkOut(out);
        Path folder = ModelFolder.find(model, err());
        placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena, holding);
            check("--tokens", ids, loaded);
            Tensor logits = loaded.forward(Batch.of(Compute.current().scratch(), new int[][] {ids}, new int[][] {new int[ids.length]}, ids.length));      // [1, tokens, vocab]
            Safetensors.write(Disk.real(), out, Map.of("logits", logits.reshape(ids.length, loaded.vocabSize())), Map.of());
            return null;
        });
        return DONE;
    }

    /// Token ids as they are typed for `subject`.
    static int[] ids(String subject, String words) {
        try {
            return Arrays.stream(words.split(",", -1)).map(String::strip).mapToInt(Integer::parseInt).toArray();
        } catch (NumberFormatException notSo) {
            throw WrongUsage.of("%s is '%s', wanted whole numbers separated by commas, as in 1,2,3", subject, words);
        }
    }

    /// Refuses a file that cannot be written, before time is spent on what is to be in it.
    static void checkOut(Path out) {
        Path folder = out.toAbsolutePath().getParent();
        if (Files.isDirectory(out) || folder == null || !Files.isDirectory(folder)) {
            throw InputException.of("--out %s: wanted a file in a folder that exists; found %s", out, Files.isDirectory(out) ? "a folder" : "no folder " + folder);
        }
    }

    /// Refuses a sequence that the model cannot take, naming `subject`.
    static void check(String subject, int[] ids, LanguageModel model) {
        if (ids.length > model.contextLength()) {
            throw InputException.of("%s: %d tokens, wanted at most %d, the model's context", subject, ids.length, model.contextLength());
        }
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= model.vocabSize()) {
                throw InputException.of("%s: token %d at position %d is out of range, wanted 0 to %d", subject, ids[i], i, model.vocabSize() - 1);
            }
        }
    }
}
