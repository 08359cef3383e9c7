package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A short run of the family, all its losses and stages in it: the same bits however it is cut, and a checkpoint that is the model.
class DeepSeekV4RunTest {
    private static final String[] SHORT = {"deepseek4-tiny", "train.steps=3", "train.sequence_schedule=16@0,32@1", "train.batch_schedule=2@0,3@2", "optim.decay_fraction=0.4", "deepseek4.dense_steps=1"};

    @TempDir
    private static Path temp;
    private static List<RunListener.Stepped> calm;

    @BeforeAll static void runInOneGo() throws Exception {
        Path text = Files.createDirectories(temp.resolve("text"));
        for (int i = 0; i < 40; i++) {
            Files.writeString(text.resolve("File" + i + ".java"), "public class File%d {\n    int size() {\n        return %d;\n    }\n}\n".formatted(i, i * 7).repeat(3));
        }
        calm = run("calm", 1, false);
        assertEquals(3, calm.size());
    }

    private static class Steps implements RunListener {
        private final List<Stepped> all = new ArrayList<>();

        @Override public void stepped(Stepped stepped) {
            all.add(stepped);
        }
    }

    /// Runs from the newest checkpoint in `folder` to the end, or for one step, and gives the steps that it made.
    private static List<RunListener.Stepped> run(String folder, int threads, boolean oneStep, String... more) {
        String[] words = Stream.of(SHORT, more, new String[] {"data.paths=" + temp.resolve("text")}).flatMap(Arrays::stream).toArray(String[]::new);
        RunConfig config = ConfigReader.words(List.of(words)).config();
        var steps = new Steps();
        var store = new CheckpointStore(temp.resolve(folder), new CheckpointStore.Keep(2, 0));
        var screen = new Screen(new PrintStream(OutputStream.nullOutputStream()), false, false, false, () -> 80);
        try (Backend backend = Backends.open("auto", threads); var preparation = new Preparation(config, temp.resolve(folder), screen)) {
            Optional<Checkpoint> newest = store.newest().whole();
            new Trainer(config, preparation.data(newest), store, steps, () -> oneStep, Clock.real()).run(backend, newest);
        }
        return steps.all;
    }

    private static List<String> chains(List<RunListener.Stepped> steps) {
        return steps.stream().map(step -> step.chain().hex()).toList();
    }

    /// The calm run has one thread and passes of one leaf.
    @Test void stoppedAfterEveryStepAndGoneOnWithOtherThreadsAndPassesItGivesTheSameBits() {
        List<String> found = new ArrayList<>();
        found.addAll(chains(run("parts", 2, true, "train.micro_batch_leaves=2")));
        found.addAll(chains(run("parts", 3, true, "train.micro_batch_leaves=2")));
        found.addAll(chains(run("parts", 8, true, "train.micro_batch_leaves=3")));
        assertEquals(chains(calm), found);
    }

    /// Every option of the recipe at once; what is foreseen has another shape than the step that foresees it.
    @Test void aRunWithOlderRoutesOnFourBitsEndsInTheSameBitsHoweverItIsCutAndStopped() {
        String[] options = {"deepseek4.fp4_experts=true", "deepseek4.fp4_indexer=true", "deepseek4.routing_lag=2"};
        List<String> wanted = chains(run("options", 2, false, options));
        List<String> found = new ArrayList<>();
        for (int step = 0; step < wanted.size(); step++) {
            found.addAll(chains(run("optionsInParts", 1, true, options[0], options[1], options[2], "train.micro_batch_leaves=" + (step + 1))));
        }
        assertEquals(wanted, found);
        List<String> ownRoutes = chains(run("ownRoutes", 2, false, options[0], options[1]));
        assertEquals(ownRoutes.subList(0, 2), wanted.subList(0, 2));
        assertNotEquals(ownRoutes.getLast(), wanted.getLast());
    }

    @Test void theLossIsThatOfTheNextTokenAndTheOthersAreToldBesideIt() {
        StepResult first = calm.getFirst().result();
        assertEquals(List.of("balance_loss", "indexer_loss", "mtp_loss"), first.terms().keySet().stream().sorted().toList());
        assertEquals(Math.log(320), first.loss(), 0.3);
        assertEquals(Math.log(320), first.terms().get("mtp_loss"), 0.6);
        assertEquals(2, first.terms().get("balance_loss"), 0.5);      // 1 for each learned router, that of the prediction block too, where load is even
        assertEquals(List.of(32L, 64L, 96L), calm.stream().map(step -> step.result().tokens()).toList());
    }

    @Test void theCheckpointIsTheModelWithItsBiasesAndTables() {
        Checkpoint checkpoint = new CheckpointStore(temp.resolve("calm"), CheckpointStore.Keep.ALL).newest().whole().orElseThrow();
        assertEquals(calm.getLast().weights(), checkpoint.manifest().weightsDigest());
        try (Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                DeepSeekV4 model = DeepSeekV4Weights.load(checkpoint.folder(), arena);
                assertEquals(1, model.config().numNextnPredictLayers());
                assertEquals(1, model.parameters().tables().size());
                Tensor bias = model.parameters().named("layers.1.ffn.gate.bias").value();
                double moved = 0;
                for (int expert = 0; expert < 4; expert++) {
                    assertEquals(0, Math.IEEEremainder(bias.getFloat(expert), 0.001), 1e-7, "whole steps of 0.001");
                    moved = Math.max(moved, Math.abs(bias.getFloat(expert)));
                }
                assertTrue(moved > 0 && moved < 0.0031, "biases after three steps");
                return null;
            });
        }
    }
}
