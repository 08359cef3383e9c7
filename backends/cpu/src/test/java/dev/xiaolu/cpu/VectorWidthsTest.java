package dev.xiaolu.cpu;

import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The contract suites at the narrower widths of vectors, in a JVM for each, since the width is fixed when a JVM starts; at the widest each suite runs by itself.
@Execution(ExecutionMode.CONCURRENT)
class VectorWidthsTest {
    @ParameterizedTest @ValueSource(ints = {128, 256})
    void everySuiteKeepsItsBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuRowsTest.class, CpuElementsTest.class, CpuMatMulTest.class, CpuAttentionTest.class,
                CpuHyperTest.class, CpuRouterTest.class, CpuExpertsTest.class, CpuJointAttentionTest.class, CpuCompressTest.class, CpuIndexerTest.class);
    }
}
