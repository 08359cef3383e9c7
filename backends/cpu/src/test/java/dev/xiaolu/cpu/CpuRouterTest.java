package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.RouterContract;

class CpuRouterTest extends RouterContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
