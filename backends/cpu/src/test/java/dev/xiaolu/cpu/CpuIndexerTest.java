package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.IndexerContract;

class CpuIndexerTest extends IndexerContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
