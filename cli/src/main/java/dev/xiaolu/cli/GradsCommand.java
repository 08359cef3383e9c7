package dev.xiaolu.cli;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.nn.BatchGradients;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Safetensors;
import dev.xiaolu.tensor.Tensor;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Writes the loss of a batch and the gradient of every parameter.
@Command(name = "grads", header = {"Writes the loss of a batch and every parameter's gradient.", ""},
        footer = {"", "The batch is a JSON list of equally long lists of token ids. The file has",
            "the tensor loss, the mean cross-entropy of each next token and nothing else, and every",
            "parameter's gradient under its published name.", "",
            "Example:  echo '[[1,2,3],[4,5,6]]' > batch.json", "          ./xiaolu grads --model runs/llama-small/ --batch batch.json --out grads.safetensors"})
final class GradsCommand extends Action {
    @Option(names = "--model", paramLabel = "DIR", required = true, description = "Folder of a model, a checkpoint or a run.")
    private Path model;

    @Option(names = "--batch", paramLabel = "FILE", required = true, description = "JSON file with lists of token ids.")
    private Path batch;

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "Safetensors file to write.")
    private Path out;

    @Mixin
    private Placement placement;

    GradsCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        int[][] tokens = batch(batch);
        LogitsCommand.checkOut(out);
        Path folder = ModelFolder.find(model, err());
        double loss = placement.run(arena -> {
            LanguageModel loaded = ModelFolder.load(folder, arena);
            for (int i = 0; i < tokens.length; i++) {
                LogitsCommand.check("%s: list %d".formatted(batch, i), tokens[i], loaded);
            }
            Map<String, Tensor> results = loaded.published(BatchGradients.of(loaded, tokens, arena));
            Safetensors.write(Disk.real(), out, results, Map.of());
            return (double) results.get("loss").data().get(JAVA_FLOAT, 0);
        });
        out().printf(java.util.Locale.ROOT, "loss %.6f%n", loss);
        return DONE;
    }

    /// Reads the batch: at least one list of at least two ids, all of one length.
    static int[][] batch(Path file) {
        JsonNode lists;
        try {
            lists = JsonMapper.shared().readTree(Disk.real().read(file));
        } catch (JacksonException broken) {
            throw InputException.of("%s: wanted a JSON list of lists of token ids, found no JSON: %s", file, broken.getOriginalMessage().replaceFirst(" \\(start marker at .*", ""));
        }
        if (!lists.isArray() || lists.isEmpty()) {
            throw InputException.of("%s: wanted a JSON list of lists of token ids, found %s", file, lists.isArray() ? "an empty list" : "something else");
        }
        int[][] tokens = new int[lists.size()][];
        for (int i = 0; i < tokens.length; i++) {
            JsonNode list = lists.get(i);
            if (!list.isArray() || list.size() < 2 || list.size() != lists.get(0).size()) {
                throw InputException.of("%s: list %d has %d token ids, wanted %s", file, i, list.size(), i == 0 ? "at least 2" : "%d as list 0 has".formatted(lists.get(0).size()));
            }
            tokens[i] = new int[list.size()];
            for (int j = 0; j < tokens[i].length; j++) {
                if (!list.get(j).isInt()) {
                    throw InputException.of("%s: list %d has %s at position %d, wanted a token id", file, i, list.get(j), j);
                }
                tokens[i][j] = list.get(j).intValue();
            }
        }
        return tokens;
    }
}
