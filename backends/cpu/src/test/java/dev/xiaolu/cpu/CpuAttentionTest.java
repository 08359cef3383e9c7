package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.AttentionContract;

class CpuAttentionTest extends AttentionContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
