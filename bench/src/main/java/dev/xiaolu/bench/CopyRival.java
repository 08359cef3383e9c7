package dev.xiaolu.bench;

import dev.xiaolu.tensor.Backend;

/// A copy through memory as a rival, on the same threads and in the same rounds.
///
/// @param backend that measures it
/// @param bytes   of one unit of the bench: 1e9 for GB/s, those that a token reads for tokens/s; what stays in a cache can beat it
record CopyRival(Backend backend, double bytes) implements Rival {
    @Override public String name() {
        return "copy bandwidth";
    }

    @Override public double measure() {
        return backend.measureBandwidth().orElseThrow() / bytes;
    }
}
