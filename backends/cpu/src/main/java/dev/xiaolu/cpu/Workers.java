package dev.xiaolu.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/// A fixed team of threads that shares out ranges of rows, never one sum.
///
/// The caller is the first of the team. A range is cut into as many equal parts as there are threads, always the same way; no work is stolen.
/// Between jobs the others spin for a moment and then park; a team larger than the machine parks at once, since whoever spins would keep a processor from whoever works. One caller at a time.
final class Workers implements AutoCloseable {
    /// Work on the rows `from` (inclusive) to `to` (exclusive).
    @FunctionalInterface
    interface Job {
        void run(long from, long to);
    }

    private static final int SPINS = 20_000;

    private final int patience;
    private final Thread[] team;
    private final AtomicInteger waiting = new AtomicInteger();
    private volatile int round;
    private volatile boolean closed;
    private volatile Throwable failure;
    private Job job;
    private long count;
    private long grain;
    private Thread caller;

    Workers(int threads) {
        patience = threads <= Runtime.getRuntime().availableProcessors() ? SPINS : 0;
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
        waiting.set(team.length);
        round++;                                                 // publishes the fields above
        for (Thread thread : team) {
            LockSupport.unpark(thread);
        }
        part(0);
        for (int spins = 0; waiting.get() > 0; spins++) {
            if (spins < patience) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(this, 50_000);
            }
        }
        Throwable thrown = failure;
        if (thrown instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (thrown instanceof Error error) {
            throw error;
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
        while (true) {
            for (int spins = 0; round == seen; spins++) {
                if (closed) {
                    return;
                }
                if (spins < patience) {
                    Thread.onSpinWait();
                } else {
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
