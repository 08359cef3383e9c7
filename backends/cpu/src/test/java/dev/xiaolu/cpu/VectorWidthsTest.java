package dev.xiaolu.cpu;

import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The contract suites at each width of vectors, in a JVM of their own, since the width is fixed when a JVM starts.
class VectorWidthsTest {
    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void rowsKeepTheirBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuRowsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void elementsKeepTheirBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuElementsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void productsKeepTheirBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuMatMulTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void hyperConnectionsKeepTheirBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuHyperTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void routersKeepTheirBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuRouterTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void expertsKeepTheirBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuExpertsTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void jointAttentionKeepsItsBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuJointAttentionTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void compressionKeepsItsBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuCompressTest.class);
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void theIndexerKeepsItsBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), CpuIndexerTest.class);
    }
}
