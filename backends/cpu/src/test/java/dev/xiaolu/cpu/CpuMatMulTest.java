package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.MatMulContract;

class CpuMatMulTest extends MatMulContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
