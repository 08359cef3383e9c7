package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.BlocksContract;

class CpuBlocksTest extends BlocksContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
