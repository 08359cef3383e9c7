package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.RowsContract;

class CpuRowsTest extends RowsContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
