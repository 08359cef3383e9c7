package dev.xiaolu.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.models.deepseek4.DeepSeekV4Config;
import dev.xiaolu.models.llama.LlamaConfig;
import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The benches run and their tables are whole, with peers that are shell scripts: speed itself is no test.
class BenchTest {
    private static final LlamaConfig TINY = new LlamaConfig(64, 16, 32, 1, 2, 2, 8, 1e-5f, 10_000, Optional.empty(), false, false, 16, 0.02f, List.of(), List.of());

    @TempDir
    Path folder;

    /// A program that stands in for Python: says it is ready, then answers every line with `answer`.
    private Path pretender(String answer) throws IOException {
        Path program = folder.resolve("python");
        Files.writeString(program, """
                #!/bin/sh
                echo '{"ready": true, "peer": "Pretender 1.0"}'
                while read line; do echo '%s'; done
                """.formatted(answer));
        assertTrue(program.toFile().setExecutable(true));
        return program;
    }

    @Test void productsAreComparedWithPeersAndWithThePeak() throws IOException {
        var seen = new ArrayList<BenchReport.Row>();
        var shapes = List.of(new GemmShape(48, 32, 40, "nt"), new GemmShape(33, 17, 65, "tn"));
        var options = new GemmBench.Options("cpu", List.of(1), shapes, 2, 1, Optional.of(pretender("{\"best\": 0.001}")));
        BenchReport report = GemmBench.run(options, seen::add);
        assertEquals(List.of("Pretender 1.0", "Pretender 1.0", "measured peak"), report.rows().subList(0, 3).stream().map(BenchReport.Row::rival).toList());
        assertEquals("48,32,40,nt, 1 thread", report.rows().getFirst().subject());
        assertEquals(6, report.rows().size());
        assertEquals(report.rows(), seen);
        assertTrue(report.rows().stream().allMatch(row -> row.ours() > 0 && row.ratio() > 0 && row.lowest() <= row.ratio() && row.ratio() <= row.highest()), report::json);
    }

    @Test void trainingAndDecodingAreComparedInTokensPerSecond() throws IOException {
        Path python = pretender("{\"tokensPerSecond\": 1000}");
        BenchReport train = TrainBench.run(new TrainBench.Options("llama-17m", "cpu", 2, 2, 4, Optional.of(python), true), TrainModel.llama(TINY), _ -> {});
        assertEquals(List.of("Pretender 1.0 fp32, memory kept", "Pretender 1.0 fp32, untuned", "Pretender 1.0 bf16, memory kept", "measured peak"),
                train.rows().stream().map(BenchReport.Row::rival).toList());
        assertEquals(1000, train.rows().getFirst().theirs());
        assertTrue(train.rows().getLast().ratio() < 1, "utilisation of " + train.rows().getLast());
        BenchReport decode = DecodeBench.run(new DecodeBench.Options("cpu", 1, 2, 8, Optional.of(python)), TINY, _ -> {});
        assertEquals(List.of("Pretender 1.0 fp32", "copy bandwidth"), decode.rows().stream().map(BenchReport.Row::rival).toList());
        assertTrue(decode.rows().getFirst().ours() > 0);
    }

    @Test void aGrowingContextIsMeasuredAtEachPositionWithItsCache() {
        DeepSeekV4Config config = ContextBench.model(List.of(0, 4, 32), 16, 8, 8192);
        var said = new ArrayList<String>();
        ContextReport report = ContextBench.run(new ContextBench.Options("cpu", 2, 4200, 3), config, said::add);
        assertEquals(List.of(4096, 4200), report.rows().stream().map(ContextReport.Row::position).toList());
        assertEquals(4, said.stream().filter(line -> line.startsWith("position")).count(), said.toString());
        ContextReport.Row row = report.rows().getLast();
        assertTrue(row.scanMillis() > 0 && row.restMillis() > 0 && row.scanMillis() < row.millis() && row.denseMillis() > 0, report::json);
        assertEquals(1, report.rows().getFirst().growth());
        assertEquals(4200L * 2 * 3 * 128 * 4, row.denseCacheBytes());
        assertTrue(row.fp8CacheBytes() < row.bf16CacheBytes() && row.bf16CacheBytes() < row.cacheBytes() && row.flops() > 0 && row.denseFlops() > row.flops(), report::json);
        assertEquals(report.rows().size() + 1, report.table().size());
        assertThrows(InputException.class, () -> new ContextBench.Options("cpu", 2, 100, 3));
    }

    @Test void deepSeekIsTrainedBesideItsPeerToo() throws IOException {
        Path python = pretender("{\"tokensPerSecond\": 1000}");
        var options = new TrainBench.Options("deepseek4-tiny-b", "cpu", 2, 1, 2, Optional.of(python), false);
        BenchReport report = TrainBench.run(options, TrainModel.deepSeek(TrainModel.DEEPSEEK, 2, 20), _ -> {});
        assertEquals(List.of("Pretender 1.0 fp32, memory kept", "Pretender 1.0 fp32, untuned", "measured peak"), report.rows().stream().map(BenchReport.Row::rival).toList());
        assertTrue(report.setting().get("step").contains("cross-entropy alone"), report::json);
        for (String[] wrong : new String[][] {{"llama-70b", "2", "no"}, {"deepseek4-tiny-b", "3", "no"}, {"deepseek4-tiny-b", "2", "bf16"}}) {
            assertThrows(InputException.class, () -> new TrainBench.Options(wrong[0], "cpu", 2, 1, Integer.parseInt(wrong[1]), Optional.empty(), wrong[2].equals("bf16")), wrong[0]);
        }
    }

    @Test void aPythonThatIsNotThereIsNamed() {
        var refused = assertThrows(InputException.class, () -> Peer.python(Optional.of(folder.resolve("absent"))));
        assertTrue(refused.getMessage().contains("absent"), refused.getMessage());
    }

    @Test void aPeerThatDiesIsNamedWithItsLastWords() throws IOException {
        Path program = folder.resolve("dying");
        Files.writeString(program, "#!/bin/sh\necho \"ModuleNotFoundError: No module named 'torch'\" >&2\n");
        assertTrue(program.toFile().setExecutable(true));
        var refused = assertThrows(InputException.class, () -> new Peer(program, "train_peer.py", List.of()));
        assertTrue(refused.getMessage().contains("train_peer.py") && refused.getMessage().contains("No module named 'torch'"), refused.getMessage());
    }

    @Test void theStandardProductsAreThoseOfTheModelInAllOrientations() {
        assertEquals(15, GemmShape.standard().size());
        assertEquals(16_913_280, TrainModel.LLAMA.parameterCount());
        assertEquals(new GemmShape(2, 3, 4, "tn"), GemmShape.parse("2, 3, 4, tn"));
        for (String wrong : List.of("2,3,4", "2,3,x,nn", "0,3,4,nn", "2,3,4,tt")) {
            assertThrows(InputException.class, () -> GemmShape.parse(wrong), wrong);
        }
    }
}
