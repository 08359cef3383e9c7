package dev.xiaolu.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.Clock;
import java.util.Arrays;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WorkersTest {
    /// Who did which rows of a job.
    private static final class Rows implements Workers.Job {
        private final Thread[] of;

        Rows(int rows) {
            of = new Thread[rows];
        }

        @Override public void run(long from, long to) {
            for (long row = from; row < to; row++) {
                assertEquals(null, of[(int) row], "row " + row + " is done once");
                of[(int) row] = Thread.currentThread();
            }
        }

        long threads() {
            return Arrays.stream(of).distinct().count();
        }
    }

    private static final class Hand implements Clock {
        private final AtomicLong nanos = new AtomicLong();

        @Override public long nanos() {
            return nanos.get();
        }

        @Override public long wallMillis() {
            return 0;
        }
    }

    @Test void everyRowIsDoneOnceByAFixedThread() {
        for (int threads : new int[] {1, 2, 3, 8}) {
            try (var workers = new Workers(threads)) {
                for (int rows : new int[] {1, 2, 7, 64, 1000}) {
                    for (int grain : new int[] {1, 5}) {
                        var first = new Rows(rows);
                        workers.share(rows, grain, first);
                        var again = new Rows(rows);
                        workers.share(rows, grain, again);
                        assertFalse(Arrays.asList(first.of).contains(null));
                        assertEquals(Arrays.asList(first.of), Arrays.asList(again.of));
                    }
                }
            }
        }
    }

    @Test void aTeamThatHasParkedWorksAgain() throws InterruptedException {
        try (var workers = new Workers(2)) {
            for (int i = 0; i < 5; i++) {
                Thread.sleep(200);                               // by then it has parked
                var job = new Rows(10);
                workers.share(10, 1, job);
                assertEquals(2, job.threads());
            }
        }
    }

    @Test void oneThreadDoesAllPartsWhileTheCompilerIsAtWork() {
        var clock = new Hand();
        var parts = new ConcurrentSkipListSet<Long>();
        try (var workers = new Workers(3)) {
            workers.settle(clock);
            for (int i = 0; i < 100; i++) {
                var job = new Rows(9);
                workers.share(9, 1, (from, to) -> {
                    parts.add(from);
                    job.run(from, to);
                });
                assertEquals(1, job.threads());
                assertEquals(Thread.currentThread(), job.of[8]);
            }
            assertEquals(3, parts.size(), "the parts are those of the whole team: " + parts);

            clock.nanos.set(TimeUnit.DAYS.toNanos(1));           // no compiler has been at work for half of that
            var job = new Rows(9);
            workers.share(9, 1, job);
            assertEquals(3, job.threads());
        }
    }

    @Test void aFailureOfAnyPartIsThrownAndTheTeamGoesOn() {
        var clock = new Hand();
        for (boolean settles : new boolean[] {false, true}) {
            try (var workers = new Workers(2)) {
                if (settles) {
                    workers.settle(clock);
                }
                for (long bad : new long[] {0, 5}) {
                    var thrown = assertThrows(IllegalStateException.class, () -> workers.share(10, 1, (from, _) -> {
                        if (from == bad) {
                            throw new IllegalStateException("part at " + from);
                        }
                    }));
                    assertTrue(thrown.getMessage().endsWith("at " + bad), thrown.getMessage());
                    var job = new Rows(10);
                    workers.share(10, 1, job);
                    assertFalse(Arrays.asList(job.of).contains(null));
                }
            }
        }
    }
}
