package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Real processes that end by themselves.
@Timeout(120)
@EnabledOnOs({OS.LINUX, OS.MAC})
class LocalWorkersTest {
    @TempDir Path temp;

    private String hopeless(boolean joins, String script) throws Exception {
        var said = new CompletableFuture<String>();
        var workers = new CompletableFuture<LocalWorkers>();
        try (var own = new LocalWorkers(List.of("sh", "-c", script), number -> new Contract(temp, "run", number, 1, "127.0.0.1:1", 0, temp.resolve("key"), "127.0.0.1"), temp, new LocalWorkers.Listener() {
            @Override public void ended(long pid, String how) {
                if (joins) {
                    workers.join().joined(pid);
                }
            }

            @Override public void givenUp(String why, boolean all) {
                said.complete((all ? "all: " : "one: ") + why);
            }
        })) {
            workers.complete(own);
            own.start(0);
            return said.get(60, TimeUnit.SECONDS);
        }
    }

    @Test void workerThatEndsBeforeItJoinsIsGivenUpWithItsLastWords() throws Exception {
        String said = hopeless(false, "echo no such thing; exit 1");
        assertTrue(said.startsWith("all: worker 0") && said.contains("3 times before it could join") && said.contains("no such thing"), said);
    }

    @Test void whileOthersRunOneThatIsGivenUpIsOnlyTold() throws Exception {
        var said = new CompletableFuture<String>();
        String script = "[ \"$XIAOLU_RANK\" = 0 ] && exit 1; sleep 60";
        try (var own = new LocalWorkers(List.of("sh", "-c", script), number -> new Contract(temp, "run", number, 2, "127.0.0.1:1", 0, temp.resolve("key"), "127.0.0.1"), temp, new LocalWorkers.Listener() {
            @Override public void ended(long pid, String how) {}

            @Override public void givenUp(String why, boolean all) {
                said.complete((all ? "all: " : "one: ") + why);
            }
        })) {
            own.start(1);
            own.start(0);
            assertTrue(said.get(60, TimeUnit.SECONDS).startsWith("one: worker 0 has ended 3 times"), said::join);
        }
    }

    @Test void workerThatCrashesIsGivenUpThoughItsEndIsASignal() throws Exception {
        String said = hopeless(false, "kill -SEGV $$");
        assertTrue(said.contains("3 times before it could join"), said);
    }

    @Test void workerThatJoinsAndEndsTimeAndAgainWithoutAStepIsGivenUp() throws Exception {
        String said = hopeless(true, "exit 1");
        assertTrue(said.contains("3 times before another step was done"), said);
    }

    @Test void workerThatIsKilledTimeAndAgainIsGivenUpAndMemoryIsSuspected() throws Exception {
        String said = hopeless(true, "kill -KILL $$");
        assertTrue(said.startsWith("all: worker 0 was killed 8 times before another step was done, the last time by signal 9") && said.contains("out of memory"), said);
    }

    @Test void workerThatHasTakenItsLeaveIsNotStartedAnewWhereTheRunIsOver() throws Exception {
        Path starts = temp.resolve("starts");
        var left = new CompletableFuture<Long>();
        try (var own = new LocalWorkers(List.of("sh", "-c", "echo start >> " + starts), number -> new Contract(temp, "run", number, 1, "127.0.0.1:1", 0, temp.resolve("key"), "127.0.0.1"), temp, new LocalWorkers.Listener() {
            @Override public void ended(long pid, String how) {
                left.complete(pid);
            }

            @Override public void givenUp(String why, boolean all) {}
        })) {
            own.start(0);
            left.get(60, TimeUnit.SECONDS);
            Thread.sleep(1000);                                  // until this process hears of the end
            own.startNoMore();
            own.start(0);
        }
        assertEquals(List.of("start"), Files.readAllLines(starts));
    }

    @Test void atTheEndOneThatHasNotJoinedIsNotWaitedFor() {
        var own = new LocalWorkers(List.of("sh", "-c", "sleep 600"), number -> new Contract(temp, "run", number, 1, "127.0.0.1:1", 0, temp.resolve("key"), "127.0.0.1"), temp, new LocalWorkers.Listener() {
            @Override public void ended(long pid, String how) {}

            @Override public void givenUp(String why, boolean all) {}
        });
        own.start(0);
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> own.end(Duration.ofSeconds(600)));
        assertEquals(Map.of(), own.pids());
    }
}
