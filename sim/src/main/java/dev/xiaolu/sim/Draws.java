package dev.xiaolu.sim;

import dev.xiaolu.platform.RandomKey;
import java.util.List;

/// Random numbers for one purpose of a simulated run: the next is a function of the key and of how many were drawn before.
final class Draws {
    private final RandomKey key;
    private long count;

    Draws(RandomKey key) {
        this.key = key;
    }

    /// A number from 0 (inclusive) to `bound` (exclusive).
    int below(int bound) {
        return (int) between(0, bound);
    }

    /// A number from `from` (inclusive) to `to` (exclusive).
    long between(long from, long to) {
        return from + (key.bits(count++) >>> 1) % (to - from);
    }

    boolean oneIn(int cases) {
        return below(cases) == 0;
    }

    <T> T of(List<T> list) {
        return list.get(below(list.size()));
    }
}
