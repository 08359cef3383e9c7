package dev.xiaolu.bench;

import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Tensor;

/// A backend that adds up how long the indexer's scan takes: scores of all entries, and the choice among them.
final class ScanClock implements Backend {
    private final Backend backend;
    private long nanos;

    /// Takes the backend over.
    ScanClock(Backend backend) {
        this.backend = backend;
    }

    /// Nanoseconds of scans since the last call.
    long take() {
        long taken = nanos;
        nanos = 0;
        return taken;
    }

    @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
        if (op instanceof IndexScores || op instanceof TopEntries) {
            long start = System.nanoTime();
            backend.run(op, inputs, outputs);
            nanos += System.nanoTime() - start;
        } else {
            backend.run(op, inputs, outputs);
        }
    }

    @Override public String name() {
        return backend.name();
    }

    @Override public String describe() {
        return backend.describe();
    }

    @Override public boolean supports(Class<? extends Op> op) {
        return backend.supports(op);
    }

    @Override public void close() {
        backend.close();
    }
}
