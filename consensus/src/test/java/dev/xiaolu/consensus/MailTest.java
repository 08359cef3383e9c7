package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What is on its way to one who does not answer.
@Timeout(120)
class MailTest {
    private static final class Counter implements Endpoint.Receiver {
        final AtomicInteger messages = new AtomicInteger();
        final AtomicLong bytes = new AtomicLong();

        @Override public void received(long from, Message message) {
            messages.incrementAndGet();
            bytes.addAndGet(message.bytes());
        }

        @Override public void failed(long peer, TransportException why) {}
    }

    @Test void whoDoesNotAnswerGetsSoMuchAndNoMoreUntilHeIsHeard() {
        RunKey key = RunKey.random();
        var counter = new Counter();
        try (Endpoint from = Endpoint.open("127.0.0.1", 0, 1, key, new Counter()); Endpoint to = Endpoint.open("127.0.0.1", 0, 2, key, counter);
                var mail = new Mail(from, ReplicatedLog.KIND, Duration.ofHours(1), message -> message)) {
            assertFalse(mail.isReachable(Seat.of(2)));
            for (int i = 0; i < 5000; i++) {                             // where he is is not known yet
                mail.send(2, new byte[100]);
            }
            from.know(2, "127.0.0.1", to.port());
            Trio.await("what is let through", () -> counter.messages.get() == 256);
            mail.send(2, new byte[100]);
            mail.heard(2);
            assertTrue(mail.isReachable(Seat.of(2)));
            for (int i = 0; i < 100; i++) {
                mail.send(2, new byte[1 << 20]);
            }
            Trio.await("what is let through", () -> counter.messages.get() == 264);
            assertEquals(256 * 100 + (8L << 20), counter.bytes.get());
        }
    }

    @Test void nowAndThenAShortMessageIsLetThroughToOneWhoNeverAnswered() throws Exception {
        RunKey key = RunKey.random();
        var counter = new Counter();
        try (Endpoint from = Endpoint.open("127.0.0.1", 0, 1, key, new Counter()); Endpoint to = Endpoint.open("127.0.0.1", 0, 2, key, counter);
                var mail = new Mail(from, ReplicatedLog.KIND, Duration.ofMillis(50), message -> message)) {
            from.know(2, "127.0.0.1", to.port());
            for (int i = 0; i < 8; i++) {
                mail.send(2, new byte[1 << 20]);
            }
            for (int i = 0; i < 8; i++) {
                Thread.sleep(60);
                mail.send(2, new byte[2000]);
                mail.send(2, new byte[100]);
                mail.send(2, new byte[100]);
            }
            Trio.await("what is let through", () -> counter.messages.get() == 16);
            assertEquals((8L << 20) + 800, counter.bytes.get());
        }
    }
}
