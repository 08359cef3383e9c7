package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.HyperContract;

class CpuHyperTest extends HyperContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
