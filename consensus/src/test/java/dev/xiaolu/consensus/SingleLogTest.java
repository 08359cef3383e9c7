package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The log that stands alone.
@Timeout(120)
class SingleLogTest {
    @Test void itLeadsAtOnceAndAppliesInTheOrderOfEachWhoAppends() throws Exception {
        var recorder = new Recorder();
        try (var log = new SingleLog(5, recorder)) {
            List<Thread> threads = IntStream.range(0, 3).mapToObj(from -> Thread.ofVirtual().start(() -> {
                for (int i = 0; i < 500; i++) {
                    log.append(Trio.event(i, "from " + from));
                }
            })).toList();
            for (Thread thread : threads) {
                thread.join();
            }
            Trio.await("all is applied", () -> recorder.applied().size() == 1500);
            assertEquals(List.of(1L), recorder.led());
            assertEquals(5, log.leader());
            assertEquals(1, log.term());
            assertEquals(IntStream.rangeClosed(1, 1500).mapToObj(Long::valueOf).toList(), recorder.applied().stream().map(Recorder.Applied::index).toList());
            for (int from = 0; from < 3; from++) {
                String its = "from " + from;
                assertEquals(IntStream.range(0, 500).mapToObj(i -> Trio.event(i, its)).toList(),
                        recorder.applied().stream().map(Recorder.Applied::event).filter(event -> event.toString().contains(its)).toList());
            }
        }
    }

    @Test void afterTheEndNothingIsApplied() {
        var recorder = new Recorder();
        var log = new SingleLog(5, recorder);
        log.append(Trio.event(1, ""));
        Trio.await("applied", () -> recorder.applied().size() == 1);
        log.close();
        log.append(Trio.event(2, ""));
        log.close();
        assertEquals(1, recorder.applied().size());
        assertEquals(Endpoint.NOBODY, log.leader());
    }

    @Test void aListenerThatBreaksIsToldAndEndsTheLog() {
        var recorder = new Recorder(3);
        try (var log = new SingleLog(5, recorder)) {
            for (int i = 0; i < 10; i++) {
                log.append(Trio.event(i, ""));
            }
            Trio.await("the failure is told", () -> recorder.failures().size() == 1);
            assertEquals(3, recorder.applied().size());
            assertTrue(log.leader() == Endpoint.NOBODY);
        }
    }
}
