package dev.xiaolu.consensus;

import io.microraft.executor.RaftNodeExecutor;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Random;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/// The one thread of a replica, and the time the library lives in.
///
/// The library counts its heartbeats in whole seconds; here its second is one heartbeat of ours, by its clock and by its timers alike. Timers come late by up to half of their
/// time, drawn anew each time: two followers that wait for the same thing shall not go on clashing.
final class RaftThread implements RaftNodeExecutor {
    private static final double LATEST = 0.5;
    private static final long BEGIN_MILLIS = TimeUnit.DAYS.toMillis(10_000);        // the library takes 0 for a moment long past

    private final ScheduledThreadPoolExecutor thread;
    private final double speed;
    private final Random random = new Random();

    RaftThread(String name, Duration heartbeat) {
        speed = 1e9 / heartbeat.toNanos();
        thread = new ScheduledThreadPoolExecutor(1, task -> Thread.ofPlatform().daemon().name(name).unstarted(task), new ThreadPoolExecutor.DiscardPolicy());
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    @Override public void execute(Runnable task) {
        thread.execute(task);
    }

    @Override public void submit(Runnable task) {
        thread.execute(task);
    }

    @Override public void schedule(Runnable task, long delay, TimeUnit unit) {
        thread.schedule(task, (long) (unit.toNanos(delay) / speed * (1 + LATEST * random.nextDouble())), TimeUnit.NANOSECONDS);
    }

    /// Runs a task after this much of our time.
    void later(Duration delay, Runnable task) {
        thread.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
    }

    /// Nothing is begun any more.
    void end() {
        thread.shutdownNow();
    }

    /// The library's clock; never goes back.
    Clock clock() {
        long start = System.nanoTime();
        return new Clock() {
            @Override public long millis() {
                return BEGIN_MILLIS + (long) ((System.nanoTime() - start) * speed / 1e6);
            }

            @Override public Instant instant() {
                return Instant.ofEpochMilli(millis());
            }

            @Override public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override public Clock withZone(ZoneId zone) {
                return this;
            }
        };
    }
}
