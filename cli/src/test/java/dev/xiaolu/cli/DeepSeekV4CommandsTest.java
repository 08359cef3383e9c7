package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4;
import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.deepseek4.DeepSeekV4Weights;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.tokenizer.TokenizerTrainer;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The commands that read a model, on models of the DeepSeek-V4 family.
class DeepSeekV4CommandsTest {
    private static final Path LAYOUTS = Golden.open("deepseek4_layout").folder();

    @TempDir Path temp;

    private float[] logits(String layout) {
        Path out = temp.resolve(layout + ".safetensors");
        Run run = Run.of("logits", "--model", LAYOUTS.resolve(layout).toString(), "--tokens", "3,1,4,1,5,9,2,6,5,3,5,8,9,7,9,3,2,3,8,4,6", "--out", out.toString());
        assertEquals(0, run.code(), run.err());
        try (TensorSource source = TensorSource.open(out)) {
            return source.tensor("logits").toFloats();
        }
    }

    @Test void theLayoutsOfOneModelGiveTheSameLogits() {
        assertArrayEquals(logits("transformers"), logits("native"));
        assertArrayEquals(logits("saved"), logits("native"));
    }

    /// Nothing of this program made these files: FP8 and FP4 with E8M0 scales, I64 tables, BF16 and F32, in two shards.
    @ParameterizedTest @ValueSource(strings = {"held", "mapped"})
    void whatOthersStoredAsThePublishedModelsAreHasTransformersLogits(String weights) {
        Golden golden = Golden.open("deepseek4_published");
        int[] tokens = ints(golden.tensor("logits", "tokens"));
        int[] rows = ints(golden.tensor("logits", "rows"));
        Tensor wanted = golden.tensor("logits", "logits");       // [rows, vocab]
        Path out = temp.resolve("logits.safetensors");
        Run run = Run.of("logits", "--model", golden.folder().resolve("model").toString(), "--weights", weights, "--out", out.toString(),
                "--tokens", Arrays.stream(tokens).mapToObj(Integer::toString).collect(Collectors.joining(",")));
        assertEquals(0, run.code(), run.err());
        try (TensorSource source = TensorSource.open(out)) {
            Tensor found = source.tensor("logits");              // [tokens, vocab]
            assertEquals(tokens.length, found.shape().axis(0));
            for (int i = 0; i < rows.length; i++) {
                assertArrayEquals(wanted.at(i).toFloats(), found.at(rows[i]).toFloats(), 1e-4f, "token " + rows[i]);
            }
        }
    }

    private static int[] ints(Tensor tensor) {
        return IntStream.range(0, (int) tensor.shape().size()).map(tensor::getInt).toArray();
    }

    @Test void gradientsStandUnderThePublishedNames() throws Exception {
        Path batch = Files.writeString(temp.resolve("batch.json"), "[[3, 1, 4, 1, 5, 9, 2, 6], [2, 7, 1, 8, 2, 8, 1, 8]]");
        Path out = temp.resolve("grads.safetensors");
        Path model = LAYOUTS.resolve("native");
        Run run = Run.of("grads", "--model", model.toString(), "--batch", batch.toString(), "--out", out.toString());
        assertEquals(0, run.code(), run.err());
        try (TensorSource found = TensorSource.open(out); TensorSource weights = TensorSource.open(model)) {
            for (String name : weights.names()) {
                boolean trained = !name.endsWith(".bias") && !name.endsWith(".tid2eid");
                assertEquals(trained, found.names().contains(name), name);
                if (trained) {
                    assertEquals(weights.tensor(name).shape(), found.tensor(name).shape(), name);
                }
            }
            assertTrue(found.tensor("loss").getFloat() > 0);
        }
    }

    @Test void aModelWithATokenizerWritesAndIsEvaluated() throws Exception {
        Path model = temp.resolve("model");
        DeepSeekV4Config config = DeepSeekV4Weights.config(Golden.open("deepseek4/tiny_a").folder().resolve("model"));
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                var drawn = new DeepSeekV4(config, arena, new RandomFiller(RandomKey.ofSeed(7)));
                DeepSeekV4Weights.save(Disk.real(), model, config, drawn.parameters(), DeepSeekV4Weights.Form.NATIVE_F32, 1 << 21);
                return null;
            });
        }
        String text = "public class A { int size() { return size; } } /** Returns the size. */ class B extends A {}".repeat(20);
        TokenizerTrainer.of(config.vocabSize()).train(List.of(text.getBytes(StandardCharsets.UTF_8))).save(Disk.real(), model);

        Run first = Run.of("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3");
        assertEquals(0, first.code(), first.err());
        assertFalse(first.out().isBlank());
        assertEquals(first.out(), Run.of("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3", "--threads", "1").out());

        assertEquals(first.out(), Run.of("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3", "--weights", "mapped").out());
        Run guessing = Run.of("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3", "--speculate", "2");
        assertEquals(first.out(), guessing.out(), guessing.err());
        Run told = Run.of("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3", "--speculate", "2", "--json");
        assertTrue(told.out().contains("tokens_guessed") && told.out().contains("tokens_accepted"), told.out());
        assertEquals(2, Run.of("generate", "--model", model.toString(), "--prompt", "x", "--speculate", "9").code());
        Run tooLong = Run.of("generate", "--model", model.toString(), "--prompt", text.repeat(30));
        assertEquals(1, tooLong.code());
        assertTrue(tooLong.err().contains("wanted at most 1024, the model's context"), tooLong.err());

        Path file = Files.writeString(temp.resolve("text.txt"), text);
        Run eval = Run.of("eval", "--model", model.toString(), "--data", file.toString(), "--json");
        assertEquals(0, eval.code(), eval.err());
        assertTrue(eval.out().contains("bits"), eval.out());

        Run inspect = Run.of("inspect", model.toString());
        assertEquals(0, inspect.code(), inspect.err());
    }

    @Test void anUnknownMemberOfTheFamilyIsRefusedByName() throws Exception {
        Path model = Files.createDirectories(temp.resolve("other"));
        String config = Files.readString(LAYOUTS.resolve("native/config.json")).replace("\"deepseek_v4\"", "\"deepseek_v41\"");
        Files.writeString(model.resolve("config.json"), config);
        Files.copy(LAYOUTS.resolve("native/model.safetensors"), model.resolve("model.safetensors"));
        Run run = Run.of("logits", "--model", model.toString(), "--tokens", "1,2", "--out", temp.resolve("x.safetensors").toString());
        assertEquals(1, run.code());
        assertTrue(run.err().contains("deepseek_v41"), run.err());
    }
}
