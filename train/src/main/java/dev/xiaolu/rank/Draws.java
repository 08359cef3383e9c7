package dev.xiaolu.rank;

import dev.xiaolu.platform.RandomKey;

/// A sequence of numbers from a key, for drills. Not thread-safe.
final class Draws {
    private final RandomKey key;
    private long drawn;

    Draws(RandomKey key) {
        this.key = key;
    }

    /// The next number, from 0 to below `limit`.
    long below(long limit) {
        return Long.remainderUnsigned(key.bits(drawn++), Math.max(1, limit));
    }
}
