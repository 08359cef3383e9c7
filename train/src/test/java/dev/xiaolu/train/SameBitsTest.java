package dev.xiaolu.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A whole run ends in the same bits whatever it runs on and however it is cut.
@Execution(ExecutionMode.CONCURRENT)
class SameBitsTest {
    private static final int STEPS = 50;
    private static final int FEW = 2;

    private static String calm;
    private static String calmFew;

    @BeforeAll static void calmRun() {
        calm = new TinyRun("cpu", 1, 1, false).digestAfter(STEPS);
        calmFew = new TinyRun("cpu", 1, 1, false).digestAfter(FEW);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 8})
    void threadsDoNotMatter(int threads) {
        assertEquals(calm, new TinyRun("cpu", threads, 1, false).digestAfter(STEPS));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 6})
    void theCutIntoPassesDoesNotMatter(int leaves) {
        assertEquals(calm, new TinyRun("cpu", 2, leaves, false).digestAfter(STEPS));
    }

    @Test void stoppingAtEveryStepDoesNotMatter() {
        assertEquals(calm, new TinyRun("cpu", 2, 1, false).digestAfter(STEPS, 1));
    }

    @Test void theReferenceGivesTheSameBits() {
        assertEquals(calmFew, new TinyRun("reference", 1, 1, false).digestAfter(FEW));
    }

    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void vectorWidthDoesNotMatter(int bits) {
        assertEquals(calm, forked(STEPS, "-Dxiaolu.cpu.vectorBits=" + bits));
    }

    @ParameterizedTest
    @CsvSource({"-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation", "-Xint"})
    void theCompilerDoesNotMatter(String option) {
        boolean full = option.equals("-XX:-TieredCompilation");
        assertEquals(full ? calm : calmFew, forked(full ? STEPS : FEW, option));
    }

    @Test void muonIsCutAndThreadedLikewise() {
        String once = new TinyRun("cpu", 1, 1, true).digestAfter(12);
        assertEquals(once, new TinyRun("cpu", 3, 4, true).digestAfter(12, 5));
    }

    private static String forked(int steps, String... options) {
        String printed = ForkedJvm.run(List.of(options), TinyRun.class, "cpu", "2", "1", "adamw", Integer.toString(steps));
        return printed.lines().filter(line -> line.startsWith("digest ")).findFirst().orElseThrow(() -> new AssertionError(printed)).substring(7);
    }
}
