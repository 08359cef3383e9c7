package dev.xiaolu.cpu;

import dev.xiaolu.platform.Clock;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/// A fixed team of threads that shares out ranges of rows, never one sum.
///
/// The caller is the first of the team. A range is cut into as many equal parts as there are threads, always the same way; no work is stolen.
/// Between jobs the others watch for the next one: for a moment without rest, then between offers of their processor to whoever else is ready, and after some hundredths of a second they park.
/// Who parks may be woken late, now and then by a millisecond; docs/log.md has what that was measured to cost.
/// Where others are ready and take the processor that is offered, and where a team is larger than the machine, parking is better after all. One caller at a time.
final class Workers implements AutoCloseable {
    /// Work on the rows `from` (inclusive) to `to` (exclusive).
    @FunctionalInterface
    interface Job {
        void run(long from, long to);
    }

    private static final int SPINS = 2_000;
    /// Looks until a thread parks, each behind the first [#SPINS] costing a system call.
    private static final int LOOKS = 60_000;
    /// An offer that lasts longer has been taken; so many taken ones, and the thread parks.
    private static final long TAKEN_NANOS = 50_000;
    private static final int MOST_TAKEN = 3;

    private final boolean fits;
    private final Clock clock = Clock.real();
    private final Watch watch = new Watch();
    private final Thread[] team;
    private final AtomicInteger waiting = new AtomicInteger();
    private volatile int round;
    private volatile boolean closed;
    private volatile Throwable failure;
    private Job job;
    private long count;
    private long grain;
    private Thread caller;
    private Settling settling;

    Workers(int threads) {
        fits = threads <= Runtime.getRuntime().availableProcessors();
        team = new Thread[threads - 1];
        for (int i = 0; i < team.length; i++) {
            int part = i + 1;
            team[i] = Thread.ofPlatform().daemon().name("xiaolu-cpu-" + part).start(() -> serve(part));
        }
    }

    /// Threads in the team, the caller included.
    int threads() {
        return team.length + 1;
    }

    /// Leaves the processors of the others to the JIT compiler until that has come to rest; the caller does all parts, one after the other.
    void settle(Clock clock) {
        settling = Settling.ofJit(clock);
    }

    /// Runs `job` over `0..count`, cut into one part for each thread at multiples of `grain`, and returns when all parts are done.
    /// The first failure of any part is thrown here.
    void share(long count, long grain, Job job) {
        if (team.length == 0 || count <= grain) {
            if (count > 0) {
                job.run(0, count);
            }
            return;
        }
        this.job = job;
        this.count = count;
        this.grain = grain;
        caller = Thread.currentThread();
        failure = null;
        if (settling != null && settling.goesOn()) {
            for (int part = 0; part < threads(); part++) {
                part(part);
            }
        } else {
            settling = null;
            together();
        }
        Throwable thrown = failure;
        if (thrown instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
    }

    private void together() {
        waiting.set(team.length);
        round++;                                                 // publishes the job
        for (Thread thread : team) {
            LockSupport.unpark(thread);
        }
        part(0);
        watch.begin();
        while (waiting.get() > 0) {
            if (!watch.goesOn()) {
                LockSupport.parkNanos(this, 50_000);
            }
        }
    }

    /// How one thread waits.
    private final class Watch {
        private int looks;
        private int taken;

        void begin() {
            looks = 0;
            taken = 0;
        }

        /// Waits an instant before one looks again, or says that it is time to park.
        boolean goesOn() {
            if (!fits || looks >= LOOKS || taken >= MOST_TAKEN) {
                return false;
            }
            if (looks++ < SPINS) {
                Thread.onSpinWait();
                return true;
            }
            long offered = clock.nanos();
            Thread.yield();
            if (clock.nanos() - offered > TAKEN_NANOS) {
                taken++;
            }
            return true;
        }
    }

    private void part(int index) {
        long grains = (count + grain - 1) / grain;
        long from = Math.min(count, grains * index / threads() * grain);
        long to = Math.min(count, grains * (index + 1) / threads() * grain);
        if (from < to) {
            try {
                job.run(from, to);
            } catch (Throwable thrown) {
                failure = thrown;
            }
        }
    }

    private void serve(int part) {
        int seen = 0;
        var idle = new Watch();
        while (true) {
            idle.begin();
            while (round == seen) {
                if (closed) {
                    return;
                }
                if (!idle.goesOn()) {
                    LockSupport.park(this);
                }
            }
            seen = round;
            part(part);
            if (waiting.decrementAndGet() == 0) {
                LockSupport.unpark(caller);
            }
        }
    }

    @Override public void close() {
        closed = true;
        for (Thread thread : team) {
            LockSupport.unpark(thread);
        }
    }
}
