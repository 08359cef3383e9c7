package dev.xiaolu.sim;

import dev.xiaolu.platform.Clock;
import java.util.PriorityQueue;

/// The time of a simulated world, and what is still to happen in it. One thread; what is due at one moment happens in the order in which it was planned.
final class Timeline implements Clock {
    static final long MILLIS = 1_000_000, SECONDS = 1_000 * MILLIS;

    private static final long EPOCH_MILLIS = 1_767_225_600_000L;         // 2026-01-01, for those who read wall clocks

    private record Due(long at, long number, Runnable what) implements Comparable<Due> {
        @Override public int compareTo(Due other) {
            return at != other.at ? Long.compare(at, other.at) : Long.compare(number, other.number);
        }
    }

    private final PriorityQueue<Due> queue = new PriorityQueue<>();
    private long now, numbers;

    @Override public long nanos() {
        return now;
    }

    @Override public long wallMillis() {
        return EPOCH_MILLIS + now / MILLIS;
    }

    /// Plans something for a moment, at the earliest for now.
    void at(long nanos, Runnable what) {
        queue.add(new Due(Math.max(nanos, now), numbers++, what));
    }

    void after(long nanos, Runnable what) {
        at(now + nanos, what);
    }

    /// Goes to what comes next and lets it happen; false where nothing is planned.
    boolean next() {
        Due due = queue.poll();
        if (due == null) {
            return false;
        }
        now = due.at;
        due.what.run();
        return true;
    }
}
