package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.AttentionContract;
import dev.xiaolu.testkit.ForkedJvm;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The contract of attention at the machine's widest vectors, and again at each narrower width.
class AttentionTest extends AttentionContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }

    @ParameterizedTest
    @ValueSource(ints = {128, 256})
    void keepsItsBitsAtEveryWidth(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), AttentionTest.class);
    }
}
