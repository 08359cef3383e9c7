package dev.xiaolu.sim;

import java.util.List;

/// How long something took, over a run: nanoseconds, 0 where it never happened.
///
/// @param count how often it happened
public record Times(int count, long median, long p95, long max) {
    static Times of(List<Long> nanos) {
        List<Long> sorted = nanos.stream().sorted().toList();
        return sorted.isEmpty() ? new Times(0, 0, 0, 0) : new Times(sorted.size(), at(sorted, 50), at(sorted, 95), sorted.getLast());
    }

    /// The least value that this percentage of all does not exceed.
    private static long at(List<Long> sorted, int percent) {
        return sorted.get((sorted.size() * percent + 99) / 100 - 1);
    }
}
