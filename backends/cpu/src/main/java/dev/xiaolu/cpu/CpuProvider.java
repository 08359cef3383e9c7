package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.BackendProvider;

/// Registers the CPU backend; preferred to the reference, since it is never slower.
public final class CpuProvider implements BackendProvider {
    @Override public String name() {
        return "cpu";
    }

    @Override public int preference() {
        return 100;
    }

    @Override public Backend open(int threads) {
        return new CpuBackend(threads);
    }
}
