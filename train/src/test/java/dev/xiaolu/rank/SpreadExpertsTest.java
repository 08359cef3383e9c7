package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Wherever the experts are, and whoever comes and goes: every step has the weights of a run in one process.
@Timeout(600)
@Execution(ExecutionMode.CONCURRENT)
class SpreadExpertsTest {
    @TempDir Path temp;

    private RunConfig config(int parts, String... more) throws IOException {
        var all = new ArrayList<>(List.of("train.steps=6", "train.batch_sequences=16", "train.gradient_leaf_sequences=2", "launch.double_check=0.2", "launch.workers=" + (parts > 1 ? 8 : 1), "launch.fewest=" + parts,
                "launch.expert_ranks=" + parts));
        all.addAll(List.of(more));
        return Crew.config(temp, "deepseek4-tiny", all.toArray(String[]::new));
    }

    private DigestChain alone(String... more) throws IOException {
        return checkpointAlone(more).manifest().chain();
    }

    private Checkpoint checkpointAlone(String... more) throws IOException {
        var screen = Screen.plain(new PrintStream(OutputStream.nullOutputStream()));
        return new TrainRun(screen, () -> false).start(config(1, more), temp.resolve("alone")).checkpoint().orElseThrow();
    }

    private static Crew crew(RunConfig config, Path folder, int ranks) throws IOException {
        var crew = new Crew(config, folder, ranks);
        for (int i = 0; i < ranks; i++) {
            crew.join();
        }
        return crew;
    }

    @ParameterizedTest @ValueSource(ints = {2, 3, 4})
    void oneToEightRanksGiveTheChainOfOneProcess(int parts) throws Exception {
        DigestChain wanted = alone();
        for (int ranks : new int[] {1, 2, 3, 4, 5, 6, 7, 8}) {
            Crew crew = crew(config(parts), temp.resolve(parts + "-of-" + ranks), ranks);
            assertEquals(wanted, crew.run(), parts + " parts, " + ranks + " ranks, " + crew.failure() + crew.failed());
            assertNull(crew.failure());
            assertEquals(1, crew.generation, crew.failed().toString());
        }
    }

    @ParameterizedTest @CsvSource({"2, 1, auto", "2, 3, auto", "2, 2, tcp", "3, 1, tcp"})
    void copiesAndWaysOfReadingChangeNothing(int parts, int copies, String transport) throws Exception {
        Crew crew = crew(config(parts, "launch.copies=" + copies, "launch.transport=" + transport), temp.resolve("run"), 5);
        assertEquals(alone(), crew.run(), crew.failure() + crew.failed());
    }

    @ParameterizedTest @CsvSource({"2, auto", "2, tcp", "4, auto"})
    void ranksThatComeAndGoInMidRunChangeNothing(int parts, String transport) throws Exception {
        String steps = "train.steps=14";
        Crew crew = crew(config(parts, steps, "launch.transport=" + transport), temp.resolve("run"), 3);
        crew.at(2, crew::join);
        crew.at(4, () -> crew.lose(0));
        crew.at(6, crew::join);
        crew.at(7, crew::join);
        crew.at(9, () -> crew.lose(2));
        crew.at(12, () -> crew.lose(3));
        assertEquals(alone(steps), crew.run(), crew.failure() + crew.failed());
        assertTrue(crew.generation >= 6, "only " + crew.generation + " generations");
        assertEquals(0, crew.rewinds);
        assertEquals(3, crew.failed().size(), "those that were lost");
    }

    @ParameterizedTest @ValueSource(strings = {"muon", "adamw"})
    void theCheckpointHoldsWhatThatOfOneProcessHolds(String optimizer) throws Exception {
        String name = "optim.name=" + optimizer;
        RunConfig config = config(3, name);
        Crew crew = crew(config, temp.resolve("run"), 4);
        Checkpoint alone = checkpointAlone(name);
        assertEquals(alone.manifest().chain(), crew.run(), crew.failure() + crew.failed());
        Checkpoint spread = TrainRun.checkpoints(config, temp.resolve("run")).newestVerified(1).whole().orElseThrow();
        assertEquals(alone.step(), spread.step());
        assertEquals(alone.manifest().tensors(), spread.manifest().tensors());
        try (var a = alone.optimizer(); var b = spread.optimizer()) {
            assertEquals(new TreeSet<>(a.names()), new TreeSet<>(b.names()));
            assertTrue(a.names().stream().anyMatch(each -> each.contains(".experts.3.")), a.names().toString());
            for (String each : a.names()) {
                assertEquals(a.type(each), b.type(each));
                assertEquals(-1, a.tensor(each).data().mismatch(b.tensor(each).data()), each);
            }
        }
    }

    @Test void whereAllWhoHeldAPartAreLostTheRunGoesBackToItsCheckpoint() throws Exception {
        String[] more = {"train.steps=12", "train.checkpoint_every=4", "launch.copies=1"};
        Crew crew = crew(config(2, more), temp.resolve("run"), 3);
        crew.at(2, () -> crew.lose(2));                                  // before there is a checkpoint: from the seed
        crew.at(7, () -> crew.lose(0));
        crew.at(8, crew::join);
        assertEquals(alone(more), crew.run(), crew.failure() + crew.failed());
        assertTrue(crew.rewinds >= 2, crew.rewinds + " times back");
    }
}
