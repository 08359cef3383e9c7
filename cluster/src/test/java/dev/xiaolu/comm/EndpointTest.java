package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Two real endpoints in one JVM; between them, where it is wanted, a proxy that cuts connections and flips bits.
@Timeout(120)
class EndpointTest {
    /// Keeps what came, or holds the sender up.
    private static final class Inbound implements Endpoint.Receiver {
        final LinkedBlockingQueue<Message> small = new LinkedBlockingQueue<>(), large = new LinkedBlockingQueue<>();
        final LinkedBlockingQueue<TransportException> failures = new LinkedBlockingQueue<>();
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
            failures.add(why);
        }
    }

    private static Message message(int number, int bytes) {
        byte[] body = new byte[bytes];
        new Random(number).nextBytes(body);
        return new Message(number, new byte[] {(byte) number}, MemorySegment.ofArray(body));
    }

    private static void assertCame(LinkedBlockingQueue<Message> queue, int number, int bytes, String where) throws InterruptedException {
        Message came = queue.poll(60, TimeUnit.SECONDS);
        assertTrue(came != null, where + ": message " + number + " never came");
        assertEquals(number, came.kind(), where);
        assertTrue(Arrays.equals(((byte[]) message(number, bytes).body().heapBase().orElseThrow()), came.body().toArray(ValueLayout.JAVA_BYTE)), where + ": message " + number);
    }

    /// Passes bytes on, flips one now and then, and cuts connections after random counts of bytes.
    private static ServerSocket proxy(int target, Random random) throws Exception {
        var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().start(() -> {
            try {
                while (true) {
                    Socket in = server.accept(), out = new Socket(InetAddress.getLoopbackAddress(), target);
                    pass(in, out, 200 + random.nextInt(3 << 20), random.nextInt(3) == 0);
                    pass(out, in, 200 + random.nextInt(1 << 16), random.nextInt(3) == 0);
                }
            } catch (Exception closed) {
                // the test is over
            }
        });
        return server;
    }

    private static void pass(Socket from, Socket to, int cutAfter, boolean flip) {
        Thread.ofVirtual().start(() -> {
            try (from; to) {
                byte[] bytes = new byte[8192];
                int left = cutAfter;
                for (int read; left > 0 && (read = from.getInputStream().read(bytes, 0, Math.min(left, bytes.length))) > 0;) {
                    left -= read;
                    if (left == 0 && flip) {
                        bytes[read / 2] ^= 4;
                    }
                    to.getOutputStream().write(bytes, 0, read);
                    to.getOutputStream().flush();
                }
            } catch (Exception cut) {
                // as it shall be
            }
        });
    }

    @Test void everyMessageArrivesOnceAndInOrderThoughConnectionsBreakAndBitsFlip() throws Exception {
        long seed = Long.getLong("xiaolu.test.seed", 20261125);
        String where = "replay with -Dxiaolu.test.seed=" + seed;
        System.out.println("transport: " + where);
        var random = new Random(seed);
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true), right = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, key, left); Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, right);
                ServerSocket proxy = proxy(b.port(), random)) {
            a.know(2, "127.0.0.1", proxy.getLocalPort());
            for (int i = 0; i < 200; i++) {
                assertTrue(a.send(2, message(i, 100 * i)));
                assertTrue(b.send(1, message(i, i)));
                if (i % 20 == 0) {
                    assertTrue(a.send(2, message(i, (1 << 20) + 100_000 * i / 20)));
                }
            }
            for (int i = 0; i < 200; i++) {
                assertCame(right.small, i, 100 * i, where);
                assertCame(left.small, i, i, where);
                if (i % 20 == 0) {
                    assertCame(right.large, i, (1 << 20) + 100_000 * i / 20, where);
                }
            }
            assertTrue(a.drain(2, Duration.ofSeconds(30)), where);
            assertTrue(right.small.isEmpty() && right.large.isEmpty() && left.small.isEmpty(), where);
            assertTrue(a.counts().connected() > 2, "no connection broke; " + where);
        }
    }

    @Test void idleConnectionOutlivesTheTimeOfAHandshake() throws Exception {
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true), right = new Inbound(true);
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, key).withHandshake(Duration.ofMillis(400)), left);
                Endpoint b = Endpoint.open("127.0.0.1", 0, 2, key, right)) {
            a.know(2, "127.0.0.1", b.port());
            assertTrue(a.send(2, message(0, 100)));
            assertCame(right.small, 0, 100, "before");
            long made = a.counts().connected();                          // on a busy machine the first handshakes may have been too slow
            Thread.sleep(700);                                           // nothing shall happen: there is nothing to wait for
            assertTrue(a.send(2, message(1, 100)));
            assertCame(right.small, 1, 100, "after");
            assertEquals(made, a.counts().connected(), "connections made by the dialer");
        }
    }

    @Test void wrongKeyIsRefusedOnBothSides() throws Exception {
        Inbound left = new Inbound(true), right = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, RunKey.random(), left); Endpoint b = Endpoint.open("127.0.0.1", 0, 2, RunKey.random(), right)) {
            a.know(2, "127.0.0.1", b.port());
            a.send(2, Message.of(1));
            assertEquals(TransportException.Reason.WRONG_KEY, left.failures.poll(30, TimeUnit.SECONDS).reason());
            assertEquals(TransportException.Reason.WRONG_KEY, right.failures.poll(30, TimeUnit.SECONDS).reason());
            assertTrue(right.small.isEmpty());
        }
    }

    @Test void httpClientIsNamedAndRefused() throws Exception {
        Inbound inbound = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, RunKey.random(), inbound); Socket socket = new Socket(InetAddress.getLoopbackAddress(), a.port())) {
            socket.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            TransportException why = inbound.failures.poll(30, TimeUnit.SECONDS);
            assertEquals(TransportException.Reason.STRANGER, why.reason());
            assertTrue(why.getMessage().contains("HTTP"), why.getMessage());
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
                while (a.send(2, message(0, 600_000))) {
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
}
