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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A short run of the family, all its losses and stages in it: the same bits however it is cut, and a checkpoint that is the model.
class DeepSeekV4RunTest {
    private static final String[] SHORT = {"deepseek4-tiny", "train.steps=4", "train.sequence_schedule=16@0,32@2", "train.batch_schedule=2@0,4@3", "optim.decay_fraction=0.5", "deepseek4.dense_steps=2"};

    @TempDir
    private Path temp;

    @BeforeEach void writeText() throws Exception {
        Path text = Files.createDirectories(temp.resolve("text"));
        for (int i = 0; i < 40; i++) {
            Files.writeString(text.resolve("File" + i + ".java"), "public class File%d {\n    int size() {\n        return %d;\n    }\n}\n".formatted(i, i * 7).repeat(3));
        }
    }

    private static class Steps implements RunListener {
        private final List<Stepped> all = new ArrayList<>();

        @Override public void stepped(Stepped stepped) {
            all.add(stepped);
        }
    }

    /// Runs from the newest checkpoint in `folder` to the end, or for one step, and gives the steps that it made.
    private List<RunListener.Stepped> run(String folder, int threads, boolean oneStep, String... more) {
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

    @Test void threadsAndPassesChangeNoBit() {
        List<String> wanted = chains(run("one", 1, false));
        assertEquals(4, wanted.size());
        assertEquals(wanted, chains(run("two", 2, false, "train.micro_batch_leaves=2")));
        assertEquals(wanted, chains(run("three", 3, false, "train.micro_batch_leaves=3")));
        assertEquals(wanted, chains(run("eight", 8, false, "train.micro_batch_leaves=4")));
        assertNotEquals(wanted, chains(run("other", 2, false, "deepseek4.router_bias_speed=0")));
    }

    @Test void aRunThatStopsAfterEveryStepEndsInTheBitsOfOneThatDoesNot() {
        List<String> wanted = chains(run("whole", 2, false));
        List<String> found = new ArrayList<>();
        for (int step = 0; step < wanted.size(); step++) {
            found.addAll(chains(run("parts", 2, true)));
        }
        assertEquals(wanted, found);
    }

    /// Every option of the recipe at once; the lag is longer than the stages, so that what is foreseen has another shape than the step that foresees it.
    @Test void aRunWithOlderRoutesOnFourBitsEndsInTheSameBitsHoweverItIsCutAndStopped() {
        String[] options = {"deepseek4.routing_lag=2", "deepseek4.fp4_experts=true", "deepseek4.fp4_indexer=true"};
        List<String> wanted = chains(run("options", 2, false, options));
        List<String> found = new ArrayList<>();
        for (int step = 0; step < wanted.size(); step++) {
            found.addAll(chains(run("optionsInParts", 1, true, Stream.of(options, new String[] {"train.micro_batch_leaves=" + (step + 1)}).flatMap(Arrays::stream).toArray(String[]::new))));
        }
        assertEquals(wanted, found);
        assertNotEquals(wanted, chains(run("noLag", 2, false, options[1], options[2])));
        assertNotEquals(wanted, chains(run("noExperts", 2, false, options[0], options[2])));
    }

    @Test void theLossIsThatOfTheNextTokenAndTheOthersAreToldBesideIt() {
        List<RunListener.Stepped> steps = run("told", 2, false);
        assertEquals(List.of("balance_loss", "indexer_loss", "mtp_loss"), steps.getFirst().result().terms().keySet().stream().sorted().toList());
        assertEquals(Math.log(320), steps.getFirst().result().loss(), 0.3);
        assertEquals(Math.log(320), steps.getFirst().result().terms().get("mtp_loss"), 0.6);
        assertEquals(4, steps.getFirst().result().terms().get("balance_loss"), 1);                   // one for each of three layers and the prediction block where load is even
        assertEquals(List.of(32L, 32L, 64L, 128L), steps.stream().map(step -> step.result().tokens()).toList());
        assertTrue(steps.getLast().result().loss() < steps.getFirst().result().loss());
    }

    @Test void theCheckpointIsTheModelWithItsBiasesAndTables() {
        List<RunListener.Stepped> steps = run("model", 2, false);
        Checkpoint checkpoint = new CheckpointStore(temp.resolve("model"), CheckpointStore.Keep.ALL).newest().whole().orElseThrow();
        assertEquals(steps.getLast().weights(), checkpoint.manifest().weightsDigest());
        try (Backend backend = Backends.open("auto", 1); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                DeepSeekV4 model = DeepSeekV4Weights.load(checkpoint.folder(), arena);
                assertEquals(1, model.config().numNextnPredictLayers());
                assertEquals(1, model.parameters().tables().size());
                Tensor bias = model.parameters().named("layers.1.ffn.gate.bias").value();
                assertTrue(steps.getLast().result().routers().get(1).bias().stream().anyMatch(value -> value != 0));
                for (int expert = 0; expert < 4; expert++) {
                    assertEquals(0, Math.IEEEremainder(bias.getFloat(expert), 0.001), 1e-7, "whole steps of 0.001");
                    assertTrue(Math.abs(bias.getFloat(expert)) <= 0.0041);
                }
                return null;
            });
        }
    }
}
