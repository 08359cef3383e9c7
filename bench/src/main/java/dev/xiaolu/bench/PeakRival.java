package dev.xiaolu.bench;

import dev.xiaolu.tensor.Backend;

/// The limit of the machine as a rival: what multiply-adds alone reach, on the same threads and in the same rounds.
///
/// @param backend that measures it
/// @param flops   operations of one unit of the bench: 1e9 for GFLOP/s, those of a token for tokens/s
record PeakRival(Backend backend, double flops) implements Rival {
    @Override public String name() {
        return "measured peak";
    }

    @Override public double measure() {
        return backend.measurePeak().orElseThrow() / flops;
    }
}
