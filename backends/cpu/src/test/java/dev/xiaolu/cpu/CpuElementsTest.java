package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.ElementsContract;

class CpuElementsTest extends ElementsContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
