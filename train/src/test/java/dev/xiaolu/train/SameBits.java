package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A whole run ends in the same bits whatever it runs on and however it is cut: one suite for every family.
@Execution(ExecutionMode.CONCURRENT)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class SameBits {
    private final TinyModel model;
    private final int steps;
    private final int few;
    private String calm;
    private String calmFew;

    /// Runs of `steps` steps, or of `few` where a step is slow.
    SameBits(TinyModel model, int steps, int few) {
        this.model = model;
        this.steps = steps;
        this.few = few;
    }

    @BeforeAll void calmRun() {
        calm = run("cpu", 1, 1).digestAfter(steps);
        calmFew = run("cpu", 1, 1).digestAfter(few);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 8})
    void threadsDoNotMatter(int threads) {
        assertEquals(calm, run("cpu", threads, 1).digestAfter(steps));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 6})
    void theCutIntoPassesDoesNotMatter(int leaves) {
        assertEquals(calm, run("cpu", 2, leaves).digestAfter(steps));
    }

    @Test void stoppingAtEveryStepDoesNotMatter() {
        assertEquals(calm, run("cpu", 2, 1).digestAfter(steps, 1));
    }

    @Test void theReferenceGivesTheSameBits() {
        assertEquals(calmFew, run("reference", 1, 1).digestAfter(few));
    }

    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void vectorWidthDoesNotMatter(int bits) {
        assertEquals(calm, forked(steps, "-Dxiaolu.cpu.vectorBits=" + bits));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation", "-Xint"})
    void theCompilerDoesNotMatter(String option) {
        boolean full = option.equals("-XX:-TieredCompilation");
        assertEquals(full ? calm : calmFew, forked(full ? steps : few, option));
    }

    private TinyRun run(String backend, int threads, int microLeaves) {
        return new TinyRun(model, backend, threads, microLeaves);
    }

    private String forked(int steps, String... options) {
        String printed = ForkedJvm.run(List.of(options), TinyRun.class, model.name(), "cpu", "2", "1", Integer.toString(steps));
        return printed.lines().filter(line -> line.startsWith("digest ")).findFirst().orElseThrow(() -> new AssertionError(printed)).substring(7);
    }
}
