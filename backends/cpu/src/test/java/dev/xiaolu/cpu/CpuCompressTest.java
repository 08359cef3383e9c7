package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.CompressContract;

class CpuCompressTest extends CompressContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
