package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// `train` and `resume` on a few files of text, and the other commands on what they leave.
class TrainCommandsTest {
    @TempDir Path temp;
    private Path text;

    @BeforeEach void writeAFewFiles() throws Exception {
        text = Files.createDirectories(temp.resolve("text"));
        for (int i = 0; i < 40; i++) {
            Files.writeString(text.resolve("File" + i + ".java"), "public class File%d {\n    int size() {\n        return %d;\n    }\n}\n".formatted(i, i * 7).repeat(3));
        }
    }

    private Run train(String name, String... more) {
        var words = new ArrayList<>(List.of("train", "tiny", "train.steps=6", "cpu.threads=1", "data.paths=" + text, "run.dir=" + temp.resolve("runs"), "run.name=" + name));
        words.addAll(List.of(more));
        return Run.of(words.toArray(String[]::new));
    }

    private String digest(String name) {
        return Run.of("inspect", temp.resolve("runs").resolve(name).toString(), "--digest").out();
    }

    @Test void aStoppedAndResumedRunEndsInTheDigestOfOneThatWasNot() throws Exception {
        Run whole = train("whole");
        assertEquals(0, whole.code(), whole.err());
        assertTrue(whole.out().contains("finished: 6 steps") && whole.out().contains("bits per byte") && whole.out().contains("./xiaolu generate"), whole.out());
        Run first = train("parts", "train.stop_after=4");
        assertEquals(0, first.code(), first.err());
        assertTrue(first.out().contains("stopped after step 4") && first.out().contains("./xiaolu resume " + temp.resolve("runs/parts")), first.out());
        Run rest = Run.of("resume", temp.resolve("runs/parts").toString(), "train.stop_after=0", "cpu.threads=2");
        assertEquals(0, rest.code(), rest.err());
        assertTrue(digest("whole").matches("[0-9a-f]{64}\\R"), digest("whole"));
        assertEquals(digest("whole"), digest("parts"));
        Path folder = temp.resolve("runs/parts");
        for (String file : List.of("config.yaml", "metrics.jsonl", "samples.jsonl", "report.html")) {
            assertTrue(Files.size(folder.resolve(file)) > 0, file);
        }
        List<String> rows = Files.readAllLines(folder.resolve("metrics.jsonl"));
        assertEquals(6, rows.size());
        JsonNode last = JsonMapper.shared().readTree(rows.getLast());
        assertEquals(6, last.path("step").asInt());
        assertEquals(digest("parts").strip(), last.path("digest").asString());
        assertTrue(last.path("bits_per_byte").asDouble() > 0);
    }

    @Test void aRunIsAModelForTheOtherCommands() {
        assertEquals(0, train("model").code());
        String folder = temp.resolve("runs/model").toString();
        Run written = Run.of("generate", "--model", folder, "--prompt", "public class ", "--max-tokens", "5", "--seed", "3");
        assertEquals(0, written.code(), written.err());
        assertEquals(0, Run.of("eval", "--model", folder, "--data", text.toString()).code());
        assertTrue(Run.of("inspect", folder).out().contains("step-6"));
    }

    @Test void aRunOfDeepSeekV4IsAModelForTheOtherCommands() {
        Run trained = Run.of("train", "deepseek4-tiny", "train.steps=2", "cpu.threads=1", "data.paths=" + text, "run.dir=" + temp.resolve("runs"), "run.name=mixture");
        assertEquals(0, trained.code(), trained.err());
        String folder = temp.resolve("runs/mixture").toString();
        assertEquals(0, Run.of("generate", "--model", folder, "--prompt", "public class ", "--max-tokens", "3", "--seed", "3").code());
        assertEquals(0, Run.of("eval", "--model", folder, "--data", text.toString()).code());
        assertTrue(Run.of("inspect", folder).out().contains("step-2"));
        assertTrue(digest("mixture").matches("[0-9a-f]{64}\\R"), digest("mixture"));
    }

    @Test void aFlippedBitInTheWeightsIsNamedByEveryCommandThatReadsThem() throws Exception {
        assertEquals(0, train("flipped", "train.checkpoint_every=4").code());
        Path folder = temp.resolve("runs/flipped");
        Path newest = folder.resolve("checkpoints/step-000006");
        byte[] bytes = Files.readAllBytes(newest.resolve("model.safetensors"));
        bytes[bytes.length / 2] ^= 1;
        Files.write(newest.resolve("model.safetensors"), bytes);
        for (List<String> command : List.of(List.of("generate", "--prompt", "a", "--max-tokens", "1", "--model"), List.of("eval", "--data", text.toString(), "--model"), List.of("inspect", "--digest"))) {
            Run run = Run.of(with(command, folder));
            assertEquals(0, run.code(), run.err());
            assertTrue(run.err().contains("checkpoint step-6: shard model.safetensors is damaged") && run.err().contains("newest whole checkpoint is step-4"), run.err());
            Run itself = Run.of(with(command, newest));
            assertEquals(1, itself.code(), itself.out());
            assertTrue(itself.err().contains("shard model.safetensors is damaged") && itself.err().contains("give another checkpoint"), itself.err());
        }
    }

    private static String[] with(List<String> command, Path last) {
        return Stream.concat(command.stream(), Stream.of(last.toString())).toArray(String[]::new);
    }

    @Test void verifyTellsWhichCheckpointsAreWhole() throws Exception {
        assertEquals(0, train("kept whole", "train.checkpoint_every=2").code());
        Path folder = temp.resolve("runs/kept whole");
        Run whole = Run.of("inspect", folder.toString(), "--verify");
        assertEquals(0, whole.code(), whole.err());
        assertEquals(2, whole.out().lines().filter(line -> line.endsWith("whole")).count(), whole.out());
        Path shard = folder.resolve("checkpoints/step-000004/optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(shard);
        bytes[bytes.length - 5] ^= 16;
        Files.write(shard, bytes);
        Run damaged = Run.of("inspect", folder.toString(), "--verify", "--json");
        assertEquals(1, damaged.code());
        JsonNode rows = JsonMapper.shared().readTree(damaged.out());
        assertTrue(rows.get(0).path("verdict").asString().startsWith("checkpoint step-4: shard optimizer.safetensors is damaged"), damaged.out());
        assertEquals("whole", rows.get(1).path("verdict").asString());
        assertTrue(rows.get(1).path("files").asInt() > 3 && rows.get(1).path("bytes").asLong() > bytes.length, damaged.out());
        assertEquals(0, Run.of("inspect", folder.resolve("checkpoints/step-000006").toString(), "--verify").code());
        assertEquals(2, Run.of("inspect", text.toString(), "--verify").code());
    }

    @Test void twoRunsOfOneNameAreRefused() {
        assertEquals(0, train("same").code());
        Run again = train("same");
        assertEquals(1, again.code());
        assertTrue(again.err().contains("./xiaolu resume") && again.err().contains("run.name"), again.err());
    }

    @Test void aFaultyConfigIsWrongUsageAndLeavesNothingBehind() {
        Run run = train("never", "train.stpes=5", "optim.beta1=2", "model.num_heads=x");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("3 faults") && run.err().contains("nearest: train.steps") && run.err().contains("optim.beta1 is 2.0") && run.err().contains("model.num_heads=x"), run.err());
        assertFalse(Files.exists(temp.resolve("runs")));
    }

    @Test void aMissingCorpusIsNamed() {
        Run run = train("never", "data.paths=" + temp.resolve("absent"));
        assertEquals(1, run.code());
        assertTrue(run.err().contains("absent"), run.err());
    }

    @Test void printConfigShowsTheWholeConfigAndTrainsNothing() throws Exception {
        Run run = Run.of("train", "tiny", "train.steps=7", "--print-config");
        assertEquals(0, run.code(), run.err());
        for (Settings.Row row : Settings.all().stream().filter(row -> row.isOf(RunConfig.Family.LLAMA)).toList()) {
            assertTrue(run.out().contains("  " + row.key().substring(row.key().indexOf('.') + 1) + ": "), row.key());
        }
        Path file = Files.writeString(temp.resolve("printed.yaml"), run.out());
        assertEquals(run.out(), Run.of("train", file.toString(), "--print-config").out());
    }

    @Test void theHelpOfTrainExplainsEverySetting() {
        String help = Run.of("train", "--help").out();
        for (Settings.Row row : Settings.all()) {
            assertTrue(help.contains(row.key()) && help.contains(row.help()), row.key());
        }
        assertTrue(help.lines().allMatch(line -> line.length() <= 100), help);
    }

    @Test void resumeRefusesWordsThatChangeBitsOrMeanNothing() {
        assertEquals(0, train("kept", "train.stop_after=1").code());
        String before = digest("kept");
        for (String word : List.of("train.seed=5", "train.sed=5", "model.hidden_size=64", "nonsense")) {
            Run run = Run.of("resume", temp.resolve("runs/kept").toString(), word);
            assertEquals(2, run.code(), run.err());
            assertTrue(run.err().contains(word.replaceFirst("=.*", "")), run.err());
        }
        assertEquals(before, digest("kept"));
    }

    @Test void resumeOfWhatIsNoRunIsRefused() {
        Run run = Run.of("resume", text.toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("wanted the folder of a run"), run.err());
    }
}
