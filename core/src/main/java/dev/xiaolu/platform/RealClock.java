package dev.xiaolu.platform;

import java.util.concurrent.atomic.AtomicLong;

/// The machine's clocks, of which the wall clock may be made to leap.
final class RealClock implements Clock {
    static final RealClock ONE = new RealClock();
    private static final AtomicLong LEAPT = new AtomicLong();

    private RealClock() {}

    static void leap(long millis) {
        LEAPT.addAndGet(millis);
    }

    @Override public long nanos() {
        return System.nanoTime();
    }

    @Override public long wallMillis() {
        return System.currentTimeMillis() + LEAPT.get();
    }
}
