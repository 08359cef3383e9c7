package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// What calls at the open port, or stands at a peer's address, and is no process of the run.
@Timeout(600)
class HandshakeTest {
    private static final byte[] MAGIC = "\u0089XIAOLU\n".getBytes(StandardCharsets.ISO_8859_1);

    private static byte[] record(int version, long from, long to) {
        return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).put(MAGIC).putInt(version).putInt(0).putLong(from).putLong(to).array();
    }

    private static Socket call(Endpoint endpoint, byte[] first) throws IOException {
        var socket = new Socket(InetAddress.getLoopbackAddress(), endpoint.port());
        socket.getOutputStream().write(first);
        return socket;
    }

    /// Waits until the other side hangs up, with or without a word.
    private static int bytesUntilHungUp(Socket socket) {
        int count = 0;
        try {
            while (socket.getInputStream().read() >= 0) {
                count++;
            }
        } catch (IOException reset) {
            // hung up without reading what was sent
        }
        return count;
    }

    @Test void httpClientIsNamedAndRefused() throws Exception {
        Inbound inbound = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, RunKey.random(), inbound); Socket socket = call(a, "GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII))) {
            String told = inbound.assertFailed(Endpoint.NOBODY, TransportException.Reason.STRANGER);
            assertTrue(told.contains("HTTP"), told);
            assertEquals(0, bytesUntilHungUp(socket));
        }
    }

    @Test void garbageIsRefusedAndPeersAreServedAllTheSame() throws Exception {
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true), right = new Inbound(true);
        var random = new Random(7);
        try (Endpoint a = Endpoint.open(Inbound.patient(1, key), left); Endpoint b = Endpoint.open(Inbound.patient(2, key), right)) {
            b.know(1, "127.0.0.1", a.port());
            int calls = 0;
            for (; calls < 60; calls++) {
                byte[] garbage = new byte[1 + random.nextInt(300)];
                random.nextBytes(garbage);
                byte[] hello = record(Handshake.VERSION, random.nextLong(), 1);
                if (calls % 3 > 0) {                                     // looks right for a while: the magic, or all of the hello and then a wrong proof
                    System.arraycopy(hello, 0, garbage, 0, Math.min(garbage.length, calls % 3 == 1 ? 8 : 64));
                }
                Socket socket = call(a, garbage);
                socket.shutdownOutput();
                bytesUntilHungUp(socket);
                socket.close();
            }
            assertTrue(b.send(1, Inbound.message(1, 1000)));
            Inbound.assertCame(left.small, 1, 1000, "after garbage");
            int made = calls;
            Inbound.await("not every caller was refused", () -> a.counts().refused() >= made);
            assertEquals(new Endpoint.Counts(1, 0, made), a.counts());
        }
    }

    @Test void callersWhoSayNothingKeepNoPeerOut() throws Exception {
        RunKey key = RunKey.random();
        Inbound left = new Inbound(true);
        List<Socket> silent = new ArrayList<>();
        try (Endpoint a = Endpoint.open(Inbound.patient(1, key), left); Endpoint b = Endpoint.open(Inbound.patient(2, key), new Inbound(true))) {
            for (int i = 0; i < 3 * Listener.MOST_CALLERS; i++) {
                silent.add(call(a, i % 2 == 0 ? new byte[0] : Arrays.copyOf(MAGIC, 1 + i % 8)));
            }
            b.know(1, "127.0.0.1", a.port());
            assertTrue(b.send(1, Inbound.message(1, 1000)));
            Inbound.assertCame(left.small, 1, 1000, "past silent callers");
            assertEquals(0, bytesUntilHungUp(silent.getFirst()), "the oldest caller is hung up on");
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    @Test void callerWhoSpeaksTooSlowlyIsHungUpOn() throws Exception {
        try (Endpoint a = Endpoint.open(Endpoint.Options.of("127.0.0.1", 0, 1, RunKey.random()).withHandshake(Duration.ofMillis(300)), new Inbound(true))) {
            byte[] hello = record(Handshake.VERSION, 2, 1);
            int spoken = 0;
            try (Socket socket = call(a, Arrays.copyOf(hello, 1))) {
                socket.setTcpNoDelay(true);
                socket.setSoTimeout(50);
                for (spoken = 1; spoken < hello.length; spoken++) {
                    try {
                        if (socket.getInputStream().read() < 0) {
                            break;
                        }
                    } catch (SocketTimeoutException stillThere) {
                        socket.getOutputStream().write(hello[spoken]);
                    }
                }
            } catch (IOException hungUp) {
                // seen when writing
            }
            assertTrue(spoken < hello.length, "a caller at 20 bytes a second was let through to the end");
            Inbound.await("not refused", () -> a.counts().refused() == 1);
        }
    }

    @Test void otherVersionIsNamedByBothSides() throws Exception {
        Inbound inbound = new Inbound(true);
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, RunKey.random(), inbound); Socket newer = call(a, record(Handshake.VERSION + 1, 2, 1));
                ServerSocket peer = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            String told = inbound.assertFailed(Endpoint.NOBODY, TransportException.Reason.WRONG_VERSION);
            assertTrue(told.contains("version 2") && told.contains("wanted 1"), told);
            assertEquals(64, bytesUntilHungUp(newer), "the listener tells its own version before it hangs up");
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    while (true) {
                        Socket caller = peer.accept();
                        caller.getInputStream().readNBytes(64);
                        caller.getOutputStream().write(record(Handshake.VERSION + 1, 2, 1));
                    }
                } catch (IOException over) {
                    // the test is over
                }
            });
            a.know(2, "127.0.0.1", peer.getLocalPort());
            a.send(2, Message.of(1));
            inbound.assertFailed(2, TransportException.Reason.WRONG_VERSION);
        }
    }

    @Test void floodOfStrangersDisplacesNoNoticeOfAPeer() throws Exception {
        Inbound inbound = new Inbound(true);
        var held = new CountDownLatch(1);
        var slow = new Endpoint.Receiver() {
            @Override public void received(long from, Message message) {}

            @Override public void failed(long peer, TransportException why) {
                try {
                    held.await();
                } catch (InterruptedException interrupted) {
                    throw new IllegalStateException(interrupted);
                }
                inbound.failed(peer, why);
            }
        };
        try (Endpoint a = Endpoint.open("127.0.0.1", 0, 1, RunKey.random(), slow)) {
            for (int i = 0; i < 5000; i++) {
                a.tell(Endpoint.NOBODY, new TransportException(TransportException.Reason.STRANGER, "stranger " + i));
            }
            a.tell(2, new TransportException(TransportException.Reason.UNREACHABLE, "for the test"));
            held.countDown();
            inbound.assertFailed(2, TransportException.Reason.UNREACHABLE);
        }
    }
}
