package dev.xiaolu.cli;

import dev.xiaolu.op.Digest;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.store.Manifest;
import dev.xiaolu.store.TensorDigest;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Tells what lies in a run, a checkpoint, a model's folder, its config alone or a safetensors file.
@Command(name = "inspect", header = {"Tells what is in a run, a checkpoint, a model, its config alone or a safetensors file: sizes, parameter counts, digests.", ""},
        footer = {"", "Examples:  ./xiaolu inspect runs/llama-small", "           ./xiaolu inspect runs/llama-small --digest", "           ./xiaolu inspect runs/llama-small --verify", "           ./xiaolu inspect model.safetensors --tensors", "           ./xiaolu inspect config.json"})
final class InspectCommand extends Action {
    @Parameters(paramLabel = "PATH", description = "Folder of a run, a checkpoint or a model, a config.json or a .safetensors file.")
    private Path path;

    @Option(names = "--digest", description = "Prints the digest of the weights, one line of hex, and nothing else.")
    private boolean digestOnly;

    @Option(names = "--tensors", description = "Lists every tensor with type, shape and digest.")
    private boolean tensors;

    @Option(names = "--verify", description = "Reads every checkpoint of a run, or one, and compares it with its hashes and digests; exits with 1 if one is damaged.")
    private boolean verify;

    @Option(names = "--json", description = "Prints a JSON list of objects.")
    private boolean json;

    @Mixin
    private Placement placement;

    InspectCommand(Console console) {
        super(console);
    }

    @Override public Integer call() {
        if (!Files.exists(path)) {
            throw InputException.of("%s: wanted a run, a checkpoint, a model, a config or a safetensors file, found nothing", path);
        }
        if (verify) {
            if (digestOnly || tensors) {
                throw WrongUsage.of("--verify tells of checkpoints, --digest and --tensors of weights: give one of them");
            }
            var table = new Table("checkpoint", "files", "bytes", "verdict");
            boolean whole = placement.run(_ -> Verification.run(path, placement.threads(), table));
            table.print(out(), json);
            return whole ? DONE : FAILED;
        }
        var facts = new Table("what", "value");
        if (isConfigAlone(path)) {
            if (digestOnly || tensors) {
                throw WrongUsage.of("--digest and --tensors want weights, %s has none", path);
            }
            ConfigFacts.add(path, facts);
            facts.print(out(), json);
            return DONE;
        }
        Path weights = path;
        Optional<Checkpoint> checkpoint = Optional.empty();
        if (Files.isDirectory(path) && ModelFolder.isRun(path)) {
            Checkpoint newest = ModelFolder.newest(path, err());
            var store = new CheckpointStore(path, CheckpointStore.Keep.ALL);
            facts.row("run", path).row("checkpoints", store.steps().stream().map(step -> "step-" + step).collect(Collectors.joining(", "))).row("newest whole checkpoint", newest.folder());
            weights = newest.folder();
            checkpoint = Optional.of(newest);
        } else if (Files.isRegularFile(path.resolve(Manifest.FILE))) {
            checkpoint = Optional.of(ModelFolder.checkpoint(path));
        }
        Map<String, TensorDigest> digests = digests(weights, checkpoint, facts);
        String digest = DigestChain.digest(digests);
        if (digestOnly) {
            out().println(digest);
            return DONE;
        }
        if (tensors) {
            var table = new Table("tensor", "type", "shape", "digest");
            digests.forEach((name, of) -> table.row(name, of.type().dtype(), sizes(of.type().shape()), of.hex()));
            table.print(out(), json);
            return DONE;
        }
        if (Files.isDirectory(weights)) {
            ConfigFacts.add(weights, facts);
        }
        var byType = new TreeMap<String, Long>();
        digests.values().forEach(of -> byType.merge(of.type().dtype().name(), of.type().shape().size(), Long::sum));
        facts.row("tensors", digests.size());
        byType.forEach((type, count) -> facts.row("elements of " + type, count));
        facts.row("digest of weights", digest);
        facts.print(out(), json);
        return DONE;
    }

    /// Whether there is a model's config and nothing else to tell of: the file itself, or a folder without weights.
    private static boolean isConfigAlone(Path path) {
        if (Files.isRegularFile(path)) {
            return path.toString().endsWith(".json");
        }
        return Files.isRegularFile(path.resolve("config.json")) && !ModelFolder.isRun(path) && !Files.exists(path.resolve("model.safetensors"))
                && !Files.exists(path.resolve("model.safetensors.index.json"));
    }

    /// The fingerprints of all weights: from the manifest where there is one, else worked out from the tensors.
    private Map<String, TensorDigest> digests(Path weights, Optional<Checkpoint> whole, Table facts) {
        if (whole.isPresent()) {
            Manifest manifest = whole.get().manifest();
            facts.row("steps done", manifest.step()).row("arithmetic version", manifest.arithmetic()).row("digest chain", manifest.chain());
            return manifest.tensors();
        }
        return placement.run(_ -> {
            var digests = new LinkedHashMap<String, TensorDigest>();
            Scratch scratch = Compute.current().scratch();
            try (TensorSource source = TensorSource.open(weights)) {
                for (String name : source.names()) {
                    Scratch.Mark before = scratch.mark();
                    digests.put(name, TensorDigest.of(source.type(name), Compute.one(new Digest(0), source.tensor(name))));
                    scratch.reset(before);
                }
            }
            return digests;
        });
    }

    /// The sizes of a shape, as a list that JSON keeps.
    private static List<Long> sizes(Shape shape) {
        return Arrays.stream(shape.toArray()).boxed().toList();
    }
}
