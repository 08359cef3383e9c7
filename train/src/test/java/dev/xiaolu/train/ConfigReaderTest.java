package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigReaderTest {
    @TempDir Path folder;

    private static RunConfig read(String... words) {
        return ConfigReader.words(List.of(words)).config();
    }

    private static String refusal(String... words) {
        return assertThrows(InputException.class, () -> read(words)).getMessage();
    }

    private Path yaml(String text) throws Exception {
        return Files.writeString(folder.resolve("my.yaml"), text);
    }

    @Test void noWordsMeanTheStandardPreset() {
        var read = ConfigReader.words(List.of());
        assertEquals("deepseek4-small", read.base());
        assertEquals(read(Presets.STANDARD), read.config());
        assertEquals(List.of(), read.config().data().paths());
    }

    @ParameterizedTest @ValueSource(strings = {"deepseek4-small", "deepseek4-medium", "deepseek4-tiny", "llama-small", "llama-17m", "tiny"})
    void everyPresetIsSoundAndSaysWhatItIsFor(String preset) {
        assertTrue(read(preset).train().steps() > 0);
        assertFalse(Presets.about(preset).isBlank());
    }

    @Test void theComparisonPresetHasItsSizes() {
        RunConfig.Model model = read("llama-17m").model();
        assertEquals(List.of(8192, 384, 6, 6, 1024), List.of(model.vocabSize(), model.hiddenSize(), model.numLayers(), model.numHeads(), model.intermediateSize()));
        assertFalse(model.tieWordEmbeddings());
        assertEquals(64, model.sizeOfHead());
    }

    @Test void expertsAreSpreadOnlyWhereThatCanWork() {
        assertEquals(2, read("deepseek4-tiny", "launch.workers=3", "launch.fewest=2", "launch.expert_ranks=2").launch().expertRanks());
        assertTrue(refusal("tiny", "launch.workers=3", "launch.fewest=2", "launch.expert_ranks=2").contains("launch.expert_ranks is 2, wanted 1 where model.family is llama: a dense model has no experts"));
        assertTrue(refusal("deepseek4-tiny", "launch.workers=3", "launch.expert_ranks=2").contains("launch.expert_ranks is 2, wanted at most launch.fewest (1)"));
        assertTrue(refusal("deepseek4-tiny", "launch.workers=9", "launch.fewest=8", "launch.expert_ranks=8").contains("launch.expert_ranks is 8, wanted at most deepseek4.num_routed_experts (4)"));
        assertTrue(refusal("deepseek4-tiny", "launch.expert_ranks=0").contains("launch.expert_ranks is 0, wanted a positive number"));
    }

    @Test void wordsGoOverTheFileAndTheFileOverItsPreset() throws Exception {
        Path file = yaml("preset: tiny\ntrain:\n  steps: 7\n  seed: 9\n");
        RunConfig config = read(file.toString(), "train.steps=8");
        assertEquals(8, config.train().steps());
        assertEquals(9, config.train().seed());
        assertEquals(32, config.model().hiddenSize());
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {
        "train.stpes=50|nearest: train.steps",
        "train.step=50|nearest: train.steps",
        "cpu.thraeds=2|nearest: cpu.threads",
        "steps=50|nearest: train.steps",
        "optim.lerning_rate=1|nearest: optim.learning_rate",
        "zzzz.qqqq=1|--help"})
    void anUnknownKeyIsRefusedWithTheNearestKnownOne(String word, String remedy) {
        String message = refusal(word);
        assertTrue(message.contains(word) && message.contains("command line") && message.contains(remedy), message);
    }

    @ParameterizedTest @CsvSource(delimiter = '|', value = {
        "train.steps=many|a whole number", "train.steps=1.5|a whole number", "train.steps=99999999999999999999|a whole number", "train.batch_sequences=3000000000|a whole number",
        "optim.learning_rate=fast|a number", "optim.learning_rate=NaN|a number", "optim.learning_rate=1e999|a number", "model.qk_norm=maybe|true or false",
        "optim.schedule=sine|one of cosine, wsd, constant", "model.family=gpt|one of llama, deepseek4",
        "deepseek4.compress_ratios=[0, four]|a list of whole numbers", "train.sequence_schedule=[64]|a list of size@step", "train.batch_schedule=[4@x]|a list of size@step"})
    void aValueOfTheWrongTypeIsRefusedInTheUsersWords(String word, String wanted) {
        String message = refusal(word);
        assertTrue(message.contains(word + " (command line): wanted " + wanted), message);
    }

    @ParameterizedTest @CsvSource({"train.steps=1e3,1000", "train.steps=2_000,2000"})
    void wholeNumbersMayBeWrittenForPeople(String word, long steps) {
        assertEquals(steps, read(word).train().steps());
    }

    @Test void allFaultsOfFileAndWordsComeInOneMessageWithTheirPlaces() throws Exception {
        Path file = yaml("""
                preset: tiny
                model:
                  hiden_size: 12
                  num_heads: 3
                  num_kv_heads: 2
                train:
                  batch_sequences: 6
                  gradient_leaf_sequences: 4
                """);
        String message = refusal(file.toString(), "train.steps=0", "optim.beta1=x", "data.validation_fraction=0.9", "what");
        for (String part : List.of("my.yaml line 3", "nearest: model.hidden_size", "model.num_kv_heads is 2", "my.yaml line 5", "train.gradient_leaf_sequences is 4", "my.yaml line 8",
                "train.steps is 0, wanted a positive number (command line)", "optim.beta1=x (command line): wanted a number", "data.validation_fraction is 0.9", "'what'")) {
            assertTrue(message.contains(part), part + " missing in: " + message);
        }
        assertTrue(message.startsWith("config: 7 faults") || message.startsWith("config: 8 faults"), message);
    }

    @Test void aSectionWithoutAKeyIsNamed() {
        assertTrue(refusal("train=5").contains("train.steps"));
    }

    @Test void aKeyGivenTwiceInAFileIsRefused() throws Exception {
        assertTrue(refusal(yaml("train:\n  steps: 1\n  seed: 2\ntrain.steps: 3\n").toString()).contains("given twice"));
    }

    @Test void textThatIsNoYamlIsNamedWithItsLine() throws Exception {
        String message = refusal(yaml("train:\n  steps: [1, 2\n").toString());
        assertTrue(message.contains("my.yaml line") && message.contains("not YAML"), message);
        message = refusal(yaml("train:\n\tsteps: 5\n").toString());
        assertTrue(message.contains("my.yaml line 2: not YAML") && message.contains("TAB"), message);
    }

    @ParameterizedTest @ValueSource(strings = {"- a\n- b\n", "hello\n"})
    void aFileThatIsNoMappingIsRefused(String text) throws Exception {
        assertTrue(refusal(yaml(text).toString()).contains("wanted a mapping"));
    }

    @Test void anEmptyFileMeansTheDefaults() throws Exception {
        assertEquals(550, read(yaml("").toString()).train().steps());
    }

    @Test void aMissingFileIsNamed() {
        assertTrue(refusal("nowhere/none.yaml").contains("none.yaml: wanted a YAML file that can be read, found no file"));
    }

    @Test void aMisspelledPresetIsAnsweredWithTheNearest() {
        assertTrue(refusal("lama-small").contains("nearest preset: llama-small"));
    }

    @Test void listsAreReadFromWordsFlowAndFiles() throws Exception {
        assertEquals(List.of("a", "b c"), read("data.paths=a,b c").data().paths());
        assertEquals(List.of("a,b", "c"), read("data.paths=[\"a,b\", c]").data().paths());
        assertEquals(List.of(), read("data.paths=").data().paths());
        assertEquals(List.of("one"), read(yaml("data:\n  paths: one\n").toString()).data().paths());
        assertEquals(List.of("x=1", "y"), read("sample.prompts=x=1,y").sample().prompts());
    }

    @Test void aListWhereAWordIsWantedIsRefused() throws Exception {
        assertTrue(refusal(yaml("train:\n  steps: [1, 2]\n").toString()).contains("train.steps=[1, 2]"));
        assertTrue(refusal(yaml("data:\n  paths: [[1], {a: 2}]\n").toString()).contains("wanted a list of words"));
    }

    @Test void aWrittenConfigReadsBackEqual() throws Exception {
        RunConfig config = read("tiny", "data.paths=[\"/a b\", \"c,d\", \"é\\\"\\\\\\n\\t😀\"]", "run.name=2026-01", "cpu.backend=true", "optim.learning_rate=1.25e-7", "tokenizer.path=#x: y");
        Path file = yaml(ConfigWriter.yaml(config));
        assertEquals(config, ConfigReader.file(file, List.of()));
    }

    @Test void everyKeyIsExplainedAndItsDefaultIsSound() throws Exception {
        String defaults = yaml("").toString();
        for (Settings.Row row : Settings.all()) {
            assertTrue(row.help().length() > 5 && !row.help().endsWith("."), row.key());
            String line = row.key() + "=" + row.standard();
            String family = "model.family=" + Settings.word(row.family().orElse(RunConfig.Family.LLAMA));
            assertEquals(read(defaults, family), read(defaults, family, line), line);
        }
    }

    @Test void settingsOfAnotherFamilyAreRefusedAndNotWritten() {
        String message = refusal("deepseek4-tiny", "model.qk_norm=true", "deepseek4.index_topk=8");
        assertTrue(message.contains("model.qk_norm (command line): only models of family llama have it, model.family is deepseek4") && !message.contains("index_topk"), message);
        assertTrue(refusal("tiny", "deepseek4.index_topk=8").contains("only models of family deepseek4 have it"));
        assertFalse(ConfigWriter.yaml(read("tiny")).contains("deepseek4"));
        String written = ConfigWriter.yaml(read("deepseek4-tiny"));
        assertTrue(written.contains("  compress_ratios: [4, 8]") && !written.contains("num_kv_heads"), written);
    }

    @Test void allFaultsOfAFamilysSectionComeInOneMessage() {
        String message = refusal("deepseek4-tiny", "model.num_layers=3", "deepseek4.qk_rope_head_dim=7", "deepseek4.o_groups=3", "deepseek4.num_experts_per_token=9", "deepseek4.num_hash_layers=4",
                "deepseek4.num_nextn_predict_layers=2", "deepseek4.router_bias_speed=-1", "train.sequence_schedule=16@1,32@5", "train.batch_schedule=3@0,5@4", "train.gradient_leaf_sequences=2");
        for (String part : List.of("deepseek4.compress_ratios has 2 entries, wanted model.num_layers (3)", "deepseek4.qk_rope_head_dim is 7, wanted an even number from 2 to the size of a head (16) (command line)",
                "deepseek4.o_groups is 3, wanted a divisor of model.num_heads (2)", "deepseek4.num_experts_per_token is 9, wanted 1 to deepseek4.num_routed_experts (4)", "deepseek4.num_hash_layers is 4",
                "deepseek4.num_nextn_predict_layers is 2", "deepseek4.router_bias_speed is -1.0", "train.sequence_schedule is [16@1, 32@5], wanted a first stage @0",
                "train.batch_schedule is [3@0, 5@4], wanted positive multiples of train.gradient_leaf_sequences (2)")) {
            assertTrue(message.contains(part), part + " missing in: " + message);
        }
    }

    @Test void schedulesAndRatiosReadBackAsTheyWereWritten() throws Exception {
        RunConfig config = read("deepseek4-tiny", "train.sequence_schedule=[8@0, 32@200]", "train.batch_schedule=1@0,4@20");
        assertEquals(List.of(new Stage(8, 0), new Stage(32, 200)), config.train().sequenceSchedule());
        assertEquals(List.of(4, 8), config.deepseek4().compressRatios());
        assertEquals(config, ConfigReader.file(yaml(ConfigWriter.yaml(config)), List.of()));
    }

    @Test void aResumedRunMayChangeThreadsButNotTheSeed() {
        RunConfig before = read("tiny");
        ConfigReader.checkResume(before, read("tiny", "cpu.threads=1", "train.stop_after=3", "train.micro_batch_leaves=2"));
        String message = assertThrows(InputException.class, () -> ConfigReader.checkResume(before, read("tiny", "train.seed=5", "optim.beta1=0.5"))).getMessage();
        assertTrue(message.contains("train.seed") && message.contains("optim.beta1"), message);
    }

    @ParameterizedTest @CsvSource({"3,3", "0.95,0.95", "1e-5,1e-5", "1.25e-7,1.25e-7", "10000,10000", "1e10,1e10", "0,0"})
    void numbersAreWrittenAsPeopleWriteThem(double number, String text) {
        assertEquals(text, Settings.word(number));
        assertEquals(number, Double.parseDouble(text));
    }

    @ParameterizedTest @CsvSource({"steps,stpes,1", "steps,steps,0", "abc,,3", "kitten,sitting,3"})
    void editsCountInsertionsDeletionsReplacementsAndSwaps(String from, String to, int edits) {
        assertEquals(edits, Settings.edits(from, to == null ? "" : to));
    }
}
