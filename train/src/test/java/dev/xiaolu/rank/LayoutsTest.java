package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// However many ranks there are, whoever comes and goes, and however they read each other's memory: every step has the weights of a run in one process.
@Timeout(600)
class LayoutsTest {
    private static final String[] FEW_STEPS = {"train.steps=8", "train.batch_sequences=16", "train.gradient_leaf_sequences=2", "launch.double_check=0.2"};

    @TempDir Path temp;

    private static String[] with(String... more) {
        var all = new String[FEW_STEPS.length + more.length];
        System.arraycopy(FEW_STEPS, 0, all, 0, FEW_STEPS.length);
        System.arraycopy(more, 0, all, FEW_STEPS.length, more.length);
        return all;
    }

    private DigestChain alone(RunConfig config) {
        var screen = Screen.plain(new PrintStream(OutputStream.nullOutputStream()));
        return new TrainRun(screen, () -> false).start(config, temp.resolve("alone")).checkpoint().orElseThrow().manifest().chain();
    }

    @ParameterizedTest @ValueSource(strings = {"tiny", "deepseek4-tiny"})
    void oneToEightRanksGiveTheChainOfOneProcess(String preset) throws Exception {
        RunConfig config = Crew.config(temp, preset, FEW_STEPS);
        DigestChain wanted = alone(config);
        for (int ranks : new int[] {1, 2, 3, 5, 8}) {
            var crew = new Crew(config, temp.resolve("ranks-" + ranks), ranks);
            for (int i = 0; i < ranks; i++) {
                crew.join();
            }
            assertEquals(wanted, crew.run(), ranks + " ranks, " + crew.failed());
            assertEquals(1, crew.generation, crew.failed().toString());
        }
    }

    @ParameterizedTest @CsvSource({"1, auto", "3, auto", "2, tcp", "3, tcp"})
    void copiesAndWaysOfReadingChangeNothing(int copies, String transport) throws Exception {
        RunConfig config = Crew.config(temp, "deepseek4-tiny", with("launch.copies=" + copies, "launch.transport=" + transport, "optim.decay_embeddings=false"));
        var crew = new Crew(config, temp.resolve("run"), 3);
        for (int i = 0; i < 3; i++) {
            crew.join();
        }
        assertEquals(alone(config), crew.run(), crew.failed().toString());
    }

    @ParameterizedTest @ValueSource(strings = {"auto", "tcp"})
    void ranksThatComeAndGoInMidRunChangeNothing(String transport) throws Exception {
        RunConfig config = Crew.config(temp, "deepseek4-tiny", with("train.steps=14", "launch.transport=" + transport));
        var crew = new Crew(config, temp.resolve("run"), 2);
        crew.join();
        crew.join();
        crew.at(2, crew::join);
        crew.at(4, () -> crew.lose(0));
        crew.at(7, crew::join);
        crew.at(9, () -> crew.lose(1));
        crew.at(12, () -> crew.lose(2));
        assertEquals(alone(config), crew.run(), crew.failed().toString());
        assertTrue(crew.generation >= 6, "only " + crew.generation + " generations");
        assertEquals(0, crew.rewinds);
        assertEquals(3, crew.failed().size(), "those that were lost");
    }

    @Test void whereAllWhoHeldAPartAreLostTheRunGoesBackToItsCheckpoint() throws Exception {
        RunConfig config = Crew.config(temp, "deepseek4-tiny", with("train.steps=12", "train.checkpoint_every=4", "launch.copies=1"));
        var crew = new Crew(config, temp.resolve("run"), 3);
        for (int i = 0; i < 3; i++) {
            crew.join();
        }
        crew.at(2, () -> crew.lose(2));                                  // before there is a checkpoint: from the seed
        crew.at(7, () -> crew.lose(0));
        crew.at(8, crew::join);
        assertEquals(alone(config), crew.run(), crew.failed().toString());
        assertTrue(crew.rewinds >= 2, crew.rewinds + " times back");
    }
}
