package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.RunLock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whole runs in their folders: stopped, killed, damaged and misused.
class TrainRunTest {
    private static final String[] WORDS = {"class", "int", "return", "value", "public", "void", "for", "if", "count", "index", "name", "list", "final", "String"};

    @TempDir Path temp;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @BeforeEach void writeText() throws IOException {
        RandomKey key = RandomKey.ofSeed(1);
        for (int file = 0; file < 30; file++) {
            var text = new StringBuilder();
            for (int word = 0; word < 400; word++) {
                text.append(WORDS[(int) Long.remainderUnsigned(key.at(file).bits(word), WORDS.length)]).append(word % 9 == 8 ? ";\n" : " ");
            }
            Files.createDirectories(temp.resolve("text"));
            Files.writeString(temp.resolve("text/file%02d.txt".formatted(file)), text);
        }
    }

    private RunConfig config(String... overrides) {
        var words = new ArrayList<>(List.of("tiny", "run.dir=" + temp, "data.paths=[\"" + temp.resolve("text") + "\"]", "cpu.threads=2", "train.steps=12"));
        words.addAll(List.of(overrides));
        return ConfigReader.words(words).config();
    }

    private TrainRun runner() {
        return new TrainRun(Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8)), () -> false);
    }

    private static String weights(TrainRun.Ended ended) {
        return ended.checkpoint().orElseThrow().manifest().weightsDigest();
    }

    @Test void aRunLeavesEverythingThatItPromises() throws IOException {
        Path folder = temp.resolve("whole");
        TrainRun.Ended ended = runner().start(config("train.sample_every=6", "train.eval_every=4", "train.checkpoint_every=5"), folder);
        assertTrue(ended.finished());
        assertEquals(12, ended.steps());
        assertTrue(ended.heldOut().orElseThrow().bitsPerByte() > 0);
        assertEquals(12, Files.readAllLines(folder.resolve("metrics.jsonl")).size());
        assertTrue(Files.readString(folder.resolve("config.yaml")).contains("hidden_size: 32"));
        assertTrue(Files.readString(folder.resolve("report.html")).contains("bits per byte"));
        assertTrue(Files.size(folder.resolve("samples.jsonl")) > 0);
        Checkpoint checkpoint = ended.checkpoint().orElseThrow();
        assertEquals(12, checkpoint.step());
        for (String file : List.of("config.json", "model.safetensors", "optimizer.safetensors", "tokenizer.json", "manifest.json")) {
            assertTrue(Files.exists(checkpoint.folder().resolve(file)), file);
        }
        List<Metrics> rows = Files.readAllLines(folder.resolve("metrics.jsonl")).stream().map(line -> Metrics.of(new tools.jackson.databind.ObjectMapper().readTree(line))).toList();
        assertTrue(rows.getLast().loss() < rows.getFirst().loss() - 0.3, "the loss falls: " + rows.getFirst().loss() + " to " + rows.getLast().loss());
    }

    @Test void stoppedAndResumedItEndsInTheSameBits() {
        TrainRun.Ended whole = runner().start(config(), temp.resolve("whole"));
        var steps = new AtomicInteger();
        var stopping = new TrainRun(Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8)), () -> steps.incrementAndGet() % 5 == 0);
        Path folder = temp.resolve("parts");
        TrainRun.Ended first = stopping.start(config(), folder);
        assertEquals(5, first.steps());
        assertFalse(first.finished());
        assertEquals(10, stopping.resume(folder, List.of("cpu.threads=1")).steps());
        TrainRun.Ended last = stopping.resume(folder, List.of("train.micro_batch_leaves=2"));
        assertTrue(last.finished());
        assertEquals(weights(whole), weights(last));
        assertEquals(whole.checkpoint().orElseThrow().manifest().chain(), last.checkpoint().orElseThrow().manifest().chain());
    }

    @Test void aFolderWithARunIsNotOverwritten() {
        Path folder = temp.resolve("run");
        runner().start(config("train.steps=1"), folder);
        String message = assertThrows(InputException.class, () -> runner().start(config(), folder)).getMessage();
        assertTrue(message.contains("there is a run in this folder already") && message.contains("./xiaolu resume"), message);
    }

    @Test void aStartThatIsRefusedCanBeTriedAgainUnderTheSameName() throws IOException {
        Path folder = temp.resolve("run");
        assertThrows(InputException.class, () -> runner().start(config("data.paths=" + temp.resolve("absent")), folder));
        assertFalse(Files.exists(folder), "nothing is left of a run without text");
        Files.writeString(temp.resolve("few.txt"), "a b");
        assertThrows(InputException.class, () -> runner().start(config("data.paths=" + temp.resolve("few.txt")), folder));
        assertThrows(InputException.class, () -> runner().start(config("cpu.backend=abacus"), folder));
        assertTrue(runner().start(config("train.steps=1"), folder).finished());
    }

    @Test void aStopThatWasMadeIsNotMadeAgainWhereTheRunGoesBackBehindIt() throws IOException {
        Path folder = temp.resolve("run");
        assertEquals(7, runner().start(config("train.checkpoint_every=3", "train.stop_after=7"), folder).steps());
        Files.delete(folder.resolve("checkpoints/step-000007/optimizer.safetensors"));
        TrainRun.Ended ended = runner().resume(folder, List.of());
        assertTrue(printed.toString(StandardCharsets.UTF_8).contains("newest whole checkpoint is step-6"));
        assertTrue(ended.finished(), "stopped again after step " + ended.steps());
    }

    @Test void whereTheLastCheckpointCannotBeSavedItIsSaidHowToGoOn() throws IOException {
        Path folder = Files.createDirectories(temp.resolve("run"));
        Files.writeString(folder.resolve("checkpoints"), "a file where a folder should be");
        String message = assertThrows(InputException.class, () -> runner().start(config("train.steps=2"), folder)).getMessage();
        assertTrue(message.startsWith("checkpoint step-2 is not saved: ") && message.endsWith("the run has ended, go on with './xiaolu resume " + folder + "'"), message);
        Files.delete(folder.resolve("checkpoints"));
        assertTrue(runner().resume(folder, List.of()).finished());
    }

    @Test void aStopStillAheadIsMade() {
        Path folder = temp.resolve("run");
        var stopping = new TrainRun(Screen.plain(new PrintStream(printed, true, StandardCharsets.UTF_8)), () -> true);
        assertEquals(1, stopping.start(config("train.stop_after=4"), folder).steps());
        assertEquals(4, runner().resume(folder, List.of()).steps());
        assertEquals(6, runner().resume(folder, List.of("train.stop_after=6")).steps());
    }

    @Test void twoProcessesCannotTrainInOneFolder() throws IOException {
        Path folder = temp.resolve("run");
        runner().start(config("train.steps=12", "train.stop_after=2"), folder);
        try (RunLock _ = RunLock.take(Disk.real(), folder)) {
            String message = assertThrows(InputException.class, () -> runner().resume(folder, List.of())).getMessage();
            assertTrue(message.contains(Long.toString(ProcessHandle.current().pid())), message);
        }
        assertTrue(runner().resume(folder, List.of()).finished());
    }

    @Test void aDivergedRunStopsWithItsLastSoundWeightsSaved() {
        Path folder = temp.resolve("run");
        var message = assertThrows(InputException.class, () -> runner().start(config("optim.learning_rate=1e30", "optim.warmup_steps=0", "optim.clip_norm=0"), folder)).getMessage();
        assertTrue(message.startsWith("step ") && message.contains("NaN, in model.layers.1.") && message.contains(" more, wanted finite numbers") && message.contains("optim.learning_rate"), message);
        CheckpointStore.Newest newest = new CheckpointStore(folder, CheckpointStore.Keep.ALL).newestVerified(1);
        assertTrue(message.contains("the weights are those of step " + newest.whole().orElseThrow().step() + ", which is saved"), message);
    }

    @Test void aDamagedCheckpointIsNamedAndTheOneBeforeIsTaken() throws IOException {
        String calm = weights(runner().start(config(), temp.resolve("calm")));
        for (String damage : List.of("flip model.safetensors", "cut optimizer.safetensors", "flip manifest.json")) {
            Path folder = temp.resolve(damage.replace(' ', '-'));
            runner().start(config("train.checkpoint_every=3", "train.stop_after=7"), folder);
            Path file = folder.resolve("checkpoints/step-000007").resolve(damage.substring(damage.indexOf(' ') + 1));
            byte[] bytes = Files.readAllBytes(file);
            if (damage.startsWith("flip")) {
                bytes[bytes.length / 2] ^= 1;
                Files.write(file, bytes);
            } else {
                Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length / 2));
            }
            printed.reset();
            TrainRun.Ended ended = runner().resume(folder, List.of("train.stop_after=0"));
            String said = printed.toString(StandardCharsets.UTF_8);
            assertTrue(said.contains("step-7") && said.contains(file.getFileName().toString()) && said.contains("newest whole checkpoint is step-6"), said);
            assertEquals(calm, weights(ended), damage);
        }
    }

    @Test void anotherTextOrAnotherSeedIsRefusedOnResume() throws IOException {
        Path folder = temp.resolve("run");
        runner().start(config("train.stop_after=2"), folder);
        String message = assertThrows(InputException.class, () -> runner().resume(folder, List.of("train.seed=2"))).getMessage();
        assertTrue(message.contains("train.seed is 1 in this run and cannot become 2"), message);
        Files.writeString(temp.resolve("text/file99.txt"), "one more file ".repeat(100));
        message = assertThrows(InputException.class, () -> runner().resume(folder, List.of())).getMessage();
        assertTrue(message.contains("the run began with other text"), message);
        Files.delete(temp.resolve("text/file99.txt"));
        assertTrue(runner().resume(folder, List.of()).finished());
    }

    @Test void killedAtAnyMomentItEndsInTheSameBits() throws Exception {
        long seed = 20261123;
        String calm = weights(runner().start(config("train.checkpoint_every=1"), temp.resolve("calm")));
        Path folder = temp.resolve("killed");
        RandomKey key = RandomKey.ofSeed(seed);
        boolean finished = false;
        int kills = 0;
        for (int attempt = 0; attempt < 12 && !finished; attempt++) {
            Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules", "jdk.incubator.vector",
                    "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), KilledRun.class.getName(), temp.toString(), folder.toString())
                    .redirectErrorStream(true).redirectOutput(temp.resolve("killed.log").toFile()).start();
            long target = lines(folder) + 1 + (long) (key.uniform(2L * attempt) * 4);
            while (process.isAlive() && lines(folder) < target) {
                Thread.sleep(5);
            }
            if (process.waitFor((long) (key.uniform(2L * attempt + 1) * 120), TimeUnit.MILLISECONDS)) {
                assertEquals(0, process.exitValue(), () -> read(temp.resolve("killed.log")));
                finished = true;
            } else {
                process.destroyForcibly().waitFor();
                kills++;
            }
        }
        assertTrue(finished && kills > 0, "seed %d: finished %s after %d kills".formatted(seed, finished, kills));
        Checkpoint last = new CheckpointStore(folder, CheckpointStore.Keep.ALL).newestVerified(1).whole().orElseThrow();
        assertEquals(12, last.step());
        assertEquals(calm, last.manifest().weightsDigest(), "seed " + seed);
        assertEquals(12, Files.readAllLines(folder.resolve("metrics.jsonl")).size(), "each step has one line");
    }

    /// Steps that a run has told so far.
    private static long lines(Path folder) throws IOException {
        Path metrics = folder.resolve("metrics.jsonl");
        return Files.exists(metrics) ? Files.readString(metrics).lines().count() : 0;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException failed) {
            return failed.toString();
        }
    }

    /// The process that is killed: begins the run or goes on with it.
    static final class KilledRun {
        /// Arguments: the folder with the text, the run's folder.
        public static void main(String[] args) {
            var test = new TrainRunTest();
            test.temp = Path.of(args[0]);
            Path folder = Path.of(args[1]);
            if (Files.exists(folder.resolve("config.yaml"))) {
                test.runner().resume(folder, List.of());
            } else {
                test.runner().start(test.config("train.checkpoint_every=1"), folder);
            }
        }
    }
}
