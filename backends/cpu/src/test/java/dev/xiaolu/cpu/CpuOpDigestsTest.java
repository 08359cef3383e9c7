package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.tensor.SelfTest;
import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The committed digest of every operator, whatever compiles the code, however wide the vectors and however many the threads.
class CpuOpDigestsTest {
    @Test void anyNumberOfThreadsGivesTheCommittedDigests() {
        for (int threads : new int[] {1, 2, 3, 5, 8}) {
            try (var backend = new CpuBackend(threads)) {
                assertEquals(List.of(), SelfTest.run(backend), threads + " threads");
            }
        }
    }

    @ParameterizedTest @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:-TieredCompilation"})
    void anyCompilerGivesTheCommittedDigests(String option) {
        ForkedJvm.run(List.of(option), CpuOpDigestsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void anyWidthGivesTheCommittedDigests(int bits) {
        ForkedJvm.run(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuOpDigestsTest.class);
    }

    /// The forked side: ends with 1 where digests differ.
    public static void main(String[] arguments) {
        try (var backend = new CpuBackend(2)) {
            List<SelfTest.Mismatch> mismatches = SelfTest.run(backend);
            mismatches.forEach(System.out::println);
            System.exit(mismatches.isEmpty() ? 0 : 1);
        }
    }
}
