package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.testkit.ExpertsContract;

class CpuExpertsTest extends ExpertsContract {
    @Override protected Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
