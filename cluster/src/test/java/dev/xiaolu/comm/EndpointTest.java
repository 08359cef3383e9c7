package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Two real endpoints in one JVM.
@Timeout(600)
class EndpointTest {
    @Test void idleConnectionOutlivesTheTimeOfAHandshake() throws Exception {
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true), right = new Inbound(true);
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, key).withHandshake(Duration.ofMillis(400)), left);
                Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, right)) {
            a.know(2, "127.0.0.1", b.port());
            assertTrue(a.send(2, Inbound.message(0, 100)));
            Inbound.assertCame(right.small, 0, 100, "before");
            long made = a.counts().connected();                          // on a busy machine the first handshakes may have been too slow
            Thread.sleep(700);                                           // nothing shall happen: there is nothing to wait for
            assertTrue(a.send(2, Inbound.message(1, 100)));
            Inbound.assertCame(right.small, 1, 100, "after");
            assertEquals(made, a.counts().connected(), "connections made by the dialer");
        }
    }

    @Test void wrongKeyIsRefusedOnBothSides() throws Exception {
        Inbound left = new Inbound(true), right = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, RunKey.random(), left); Endpoint b = Endpoint.open("127.0.0.1", 0, 2, RunKey.random(), right)) {
            a.know(2, "127.0.0.1", b.port());
            a.send(2, Message.of(1));
            left.assertFailed(2, TransportException.Reason.WRONG_KEY);
            right.assertFailed(Endpoint.NOBODY, TransportException.Reason.WRONG_KEY);
            assertTrue(right.small.isEmpty());
        }
    }

    @Test void receiverThatDoesNotReadHoldsTheSenderUpUntilItIsForgotten() throws Exception {
        RunKey key = RunKey.random();
        Inbound right = new Inbound(false);
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, key).withWindowBytes(1 << 20), new Inbound(true));
                Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, right)) {
            a.know(2, "127.0.0.1", b.port());
            var sent = new LinkedBlockingQueue<Boolean>();
            Thread.ofPlatform().daemon().start(() -> {
                while (a.send(2, Inbound.message(0, 600_000))) {
                    sent.add(true);
                }
                sent.add(false);
            });
            assertTrue(sent.poll(30, TimeUnit.SECONDS) && sent.poll(30, TimeUnit.SECONDS));
            assertEquals(null, sent.poll(500, TimeUnit.MILLISECONDS), "a third message of 600 kB was let into a window of 1 MiB");
            a.forget(2);
            assertFalse(sent.poll(30, TimeUnit.SECONDS));
            assertFalse(a.send(2, Message.of(1)));
            right.open.countDown();
        }
    }

    @Test void bothSidesThatCallAtOnceMakeOneConnection() throws Exception {
        RunKey key = RunKey.random();
        for (int round = 0; round < 40; round++) {
            Inbound left = new Inbound(true), right = new Inbound(true);
            try (Endpoint a = Endpoint.open(Inbound.patient(1, key), left); Endpoint b = Endpoint.open(Inbound.patient(2, key), right)) {
                a.know(2, "127.0.0.1", b.port());
                b.know(1, "127.0.0.1", a.port());
                var together = new CyclicBarrier(2);
                Thread other = Thread.ofPlatform().daemon().start(() -> {
                    try {
                        together.await();
                        b.send(1, Inbound.message(0, 10));
                    } catch (InterruptedException | BrokenBarrierException never) {
                        throw new IllegalStateException(never);
                    }
                });
                together.await();
                assertTrue(a.send(2, Inbound.message(0, 10)));
                Inbound.assertCame(right.small, 0, 10, "round " + round);
                Inbound.assertCame(left.small, 0, 10, "round " + round);
                other.join();
                assertTrue(a.drain(2, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)) && b.drain(1, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)));
                assertEquals(1, a.counts().connected(), "round " + round);
                assertEquals(1, b.counts().connected(), "round " + round);
            }
        }
    }

    @Test void otherProcessAtTheAddressIsNamed() throws Exception {
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, key, left); Endpoint b = Endpoint.open("127.0.0.1", 0, 3, key, new Inbound(true))) {
            a.know(2, "127.0.0.1", b.port());
            a.send(2, Message.of(1));
            String told = left.assertFailed(2, TransportException.Reason.OTHER_PROCESS);
            assertTrue(told.contains("is process 3") && told.contains("wanted process 2"), told);
        }
    }

    @Test void peerThatWasForgottenIsToldSo() throws Exception {
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true), right = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, key, left); Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, right)) {
            a.know(2, "127.0.0.1", b.port());
            assertTrue(a.send(2, Inbound.message(0, 10)));
            Inbound.assertCame(right.small, 0, 10, "before");
            b.forget(1);
            a.send(2, Message.of(1));
            left.assertFailed(2, TransportException.Reason.FORGOTTEN);
            assertTrue(right.small.isEmpty());
        }
    }

    @Test void receiverThatThrowsAnErrorGetsTheNextMessageAllTheSame() throws Exception {
        RunKey key = RunKey.random();
        Inbound right = new Inbound(true);
        var failing = new Endpoint.Receiver() {
            @Override public void received(long from, Message message) {
                if (message.kind() == 0) {
                    throw new StackOverflowError("for the test");
                }
                right.received(from, message);
            }

            @Override public void failed(long peer, TransportException why) {
                right.failed(peer, why);
                throw new AssertionError("for the test");
            }
        };
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, key, new Inbound(true)); Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, failing)) {
            a.know(2, "127.0.0.1", b.port());
            for (int i = 0; i < 2; i++) {
                a.send(2, Inbound.message(0, 10));
                right.assertFailed(1, TransportException.Reason.RECEIVER);
            }
            a.send(2, Inbound.message(1, 10));
            Inbound.assertCame(right.small, 1, 10, "after two errors");
            assertTrue(a.drain(2, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)));
        }
    }

    @Test void messageThatCannotBeCopiedTakesNoRoomInTheWindow() throws Exception {
        RunKey key = RunKey.random();
        Inbound right = new Inbound(true);
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, key).withWindowBytes(1000), new Inbound(true));
                Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, right)) {
            a.know(2, "127.0.0.1", b.port());
            for (int i = 0; i < 2; i++) {                                // each more than the window
                Arena arena = Arena.ofConfined();
                var message = new Message(0, new byte[0], arena.allocate(5000));
                arena.close();
                assertThrows(IllegalStateException.class, () -> a.send(2, message));
            }
            assertTrue(a.send(2, Inbound.message(1, 10)));
            Inbound.assertCame(right.small, 1, 10, "after two that could not be copied");
            assertTrue(a.drain(2, Duration.ofSeconds(Inbound.PATIENCE_SECONDS)));
        }
    }

    @Test void emptyMessagesFillTheWindowToo() throws Exception {
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, RunKey.random()).withWindowBytes(10_000), new Inbound(true))) {
            var sent = new AtomicInteger();
            Thread sender = Thread.ofPlatform().daemon().start(() -> {
                while (a.send(2, Message.of(0))) {
                    sent.incrementAndGet();
                }
            });
            Inbound.await("the sender is not held up", () -> sender.getState() == Thread.State.WAITING || sent.get() > 1000);
            a.forget(2);
            sender.join();
            assertTrue(sent.get() <= 40, () -> "a window of 10 kB let in " + sent);
        }
    }

    @Test void sizesOfHeadAndBodyAreLimited() {
        assertEquals(Message.MAX_HEAD_BYTES, Message.of(1, new byte[Message.MAX_HEAD_BYTES]).bytes());
        assertThrows(IllegalArgumentException.class, () -> Message.of(1, new byte[Message.MAX_HEAD_BYTES + 1]));
        MemorySegment huge = MemorySegment.NULL.reinterpret(Message.MAX_BYTES);
        assertEquals(Message.MAX_BYTES, new Message(1, new byte[0], huge).bytes());
        assertThrows(IllegalArgumentException.class, () -> new Message(1, new byte[1], huge));
    }

    @Test void noThreadStaysAfterClose() throws Exception {
        RunKey key = RunKey.random();
        Inbound right = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 770_001, key, new Inbound(true)); Endpoint b = Endpoint.open("127.0.0.1", 0, 770_002, key, right)) {
            a.know(770_002, "127.0.0.1", b.port());
            a.know(770_003, "127.0.0.1", 1);
            a.send(770_002, Inbound.message(1, 10));
            a.send(770_003, Message.of(1));
            Inbound.assertCame(right.small, 1, 10, "before");
            assertTrue(Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().contains("-77000")).count() >= 12);
        }
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().contains("-77000")) {
                assertTrue(thread.join(Duration.ofSeconds(Inbound.PATIENCE_SECONDS)), () -> thread.getName() + " stays after close");
            }
        }
    }
}
