package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/// A receiver that keeps what came, or holds the sender up; and messages whose bytes follow from their number.
final class Inbound implements Endpoint.Receiver {
    /// A machine at work may stop a process for a while.
    static final int PATIENCE_SECONDS = 90;

    /// @param peer whom it is about
    record Failure(long peer, TransportException why) {}

    final LinkedBlockingQueue<Message> small = new LinkedBlockingQueue<>(), large = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<Failure> failures = new LinkedBlockingQueue<>();
    final CountDownLatch open = new CountDownLatch(1);

    Inbound(boolean reads) {
        if (reads) {
            open.countDown();
        }
    }

    @Override public void received(long from, Message message) {
        try {
            open.await();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
        (message.isSmall() ? small : large).add(message);
    }

    @Override public void failed(long peer, TransportException why) {
        failures.add(new Failure(peer, why));
    }

    static Message message(int number, int bytes) {
        byte[] body = new byte[bytes];
        new Random(number).nextBytes(body);
        return new Message(number, new byte[] {(byte) number}, MemorySegment.ofArray(body));
    }

    static void assertCame(LinkedBlockingQueue<Message> queue, int number, int bytes, String where) throws InterruptedException {
        Message came = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertNotNull(came, () -> where + ": message " + number + " never came");
        assertEquals(number, came.kind(), where);
        assertArrayEquals(new byte[] {(byte) number}, came.head(), where);
        assertArrayEquals((byte[]) message(number, bytes).body().heapBase().orElseThrow(), came.body().toArray(ValueLayout.JAVA_BYTE), where);
    }

    /// Waits for a failure of this kind about this peer and gives its text; others are passed over.
    String assertFailed(long peer, TransportException.Reason reason) throws InterruptedException {
        while (true) {
            Failure failure = failures.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertNotNull(failure, () -> reason + " of peer " + peer + " was never told");
            if (failure.peer == peer && failure.why.reason() == reason) {
                return failure.why.getMessage();
            }
        }
    }

    /// Waits until something is so; fails after a long while.
    static void await(String what, BooleanSupplier isSo) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!isSo.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, what);
            Thread.sleep(1);
        }
    }

    /// Options under which no time limit of the transport runs out, however busy the machine is.
    static Endpoint.Options patient(long self, RunKey key) {
        return Endpoint.Options.of("127.0.0.1", 0, self, key).withHandshake(Duration.ofHours(1)).withSilence(Duration.ofHours(1)).withUnreachableAfter(Duration.ofHours(1));
    }
}
