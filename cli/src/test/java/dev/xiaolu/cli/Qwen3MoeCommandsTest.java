package dev.xiaolu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.qwen3moe.Qwen3Moe;
import dev.xiaolu.models.qwen3moe.Qwen3MoeWeights;
import dev.xiaolu.nn.RandomFiller;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.store.TensorSource;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Difference;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.tokenizer.TokenizerTrainer;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The commands that read a model, on a model of the Qwen3-MoE family.
class Qwen3MoeCommandsTest {
    private static final Golden GOLDEN = Golden.open("qwen3moe/as_they_are_bf16");
    private static final Path MODEL = GOLDEN.folder().resolve("model");

    @TempDir Path temp;

    private static Run succeeding(String... arguments) {
        Run run = Run.of(arguments);
        assertEquals(0, run.code(), run.err());
        return run;
    }

    @Test void logitsAreThoseOfTheLibrary() {
        Path out = temp.resolve("logits.safetensors");
        Tensor tokens = GOLDEN.tensor("logits", "tokens.130");
        String ids = IntStream.range(0, 130).mapToObj(i -> Integer.toString(tokens.getInt(i))).collect(Collectors.joining(","));
        succeeding("logits", "--model", MODEL.toString(), "--tokens", ids, "--out", out.toString());
        try (TensorSource source = TensorSource.open(out)) {
            Difference.assertWithin(1e-4, "logits", GOLDEN.tensor("logits", "logits.130"), source.tensor("logits"));
        }
    }

    @Test void gradientsStandUnderThePublishedNames() {
        Path out = temp.resolve("grads.safetensors");
        succeeding("grads", "--model", MODEL.toString(), "--batch", GOLDEN.folder().resolve("batch.json").toString(), "--out", out.toString());
        try (TensorSource found = TensorSource.open(out)) {
            var recorded = GOLDEN.tensors("grads");
            assertEquals(recorded.keySet(), found.names());
            recorded.forEach((name, wanted) -> assertEquals(wanted.shape(), found.tensor(name).shape(), name));
        }
    }

    @Test void aModelWithATokenizerWritesAnswersAndIsEvaluated() throws Exception {
        Path model = Files.createDirectories(temp.resolve("model"));
        Files.writeString(model.resolve("config.json"), Files.readString(MODEL.resolve("config.json")).replace("\"vocab_size\": 211", "\"vocab_size\": 300"));
        try (Backend backend = Backends.open("auto", 2); Scratch scratch = new Scratch(); Arena arena = Arena.ofShared()) {
            Compute.call(backend, scratch, () -> {
                var drawn = new Qwen3Moe(Qwen3MoeWeights.config(model), arena, new RandomFiller(RandomKey.ofSeed(7)));
                Qwen3MoeWeights.save(Disk.real(), model, drawn, DType.BF16, 100_000);
                return null;
            });
        }
        String text = "public class A { int size() { return size; } } /** Returns the size. */ class B extends A {}".repeat(20);
        TokenizerTrainer.of(300).train(List.of(text.getBytes(StandardCharsets.UTF_8))).save(Disk.real(), model);

        Run first = succeeding("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3");
        assertFalse(first.out().isBlank());
        assertEquals(first.out(), succeeding("generate", "--model", model.toString(), "--prompt", "public class", "--max-tokens", "20", "--seed", "3", "--threads", "1").out());
        Run chat = Run.typing("class\n/exit\n", "chat", "--model", model.toString(), "--max-tokens", "3", "--temperature", "0");
        assertEquals(0, chat.code(), chat.err());
        Path file = Files.writeString(temp.resolve("text.txt"), text);
        assertTrue(succeeding("eval", "--model", model.toString(), "--data", file.toString(), "--json").out().contains("bits"));
    }

    @Test void inspectTellsOfExperts() {
        for (Path path : new Path[] {MODEL, MODEL.resolve("config.json")}) {
            String out = succeeding("inspect", path.toString()).out();
            for (String line : new String[] {"family +qwen3_moe", "experts +2 of 8 for a token, of width 20, in 1 layers", "vocab_size +211"}) {
                assertTrue(out.lines().anyMatch(found -> found.matches(line)), () -> line + " in " + out);
            }
        }
    }
}
