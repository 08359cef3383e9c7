package dev.xiaolu.cpu;

import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The contract suites at the narrower widths of vectors, in JVMs of their own, since the width is fixed when a JVM starts; at the widest each suite runs by itself.
@Execution(ExecutionMode.CONCURRENT)
class VectorWidthsTest {
    @ParameterizedTest @ValueSource(ints = {128, 256})
    void rowsKeepTheirBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuRowsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void elementsKeepTheirBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuElementsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void productsKeepTheirBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuMatMulTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void hyperConnectionsKeepTheirBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuHyperTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void routersKeepTheirBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuRouterTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void expertsKeepTheirBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuExpertsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void jointAttentionKeepsItsBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuJointAttentionTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void compressionKeepsItsBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuCompressTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256})
    void theIndexerKeepsItsBitsAtNarrowerWidths(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuIndexerTest.class);
    }
}
