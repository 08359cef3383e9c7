package dev.xiaolu.comm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.ServerSocketChannel;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Which of two calls that cross counts, step by step.
@Timeout(600)
class LinkTest {
    @Test void callThatThePeerHasNotHeardIsGivenUpForThePeersOwn() throws Exception {
        try (Endpoint a = Endpoint.open(Inbound.patient(1, RunKey.random()), new Inbound(true)); ServerSocket peer = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            a.know(2, "127.0.0.1", peer.getLocalPort());
            a.send(2, Message.of(1));
            try (Socket call = peer.accept()) {
                call.getInputStream().readNBytes(64);                    // the hello, which stays without an answer
                assertEquals(Handshake.Verdict.WELCOME, a.link(2).decide(System.nanoTime()));
                assertEquals(-1, call.getInputStream().read(), "our own call goes on");
            }
            a.link(2).lostWelcome();
            peer.accept().close();                                       // the link calls again, since nothing came of the welcome
        }
    }

    @Test void callThatThePeerHasHeardComesFirstFromTheLowerIdOnly() throws Exception {
        for (long self : new long[] {1, 3}) {
            RunKey key = RunKey.random();
            try (Endpoint a = Endpoint.open(Inbound.patient(self, key), new Inbound(true)); ServerSocketChannel peer = ServerSocketChannel.open()) {
                peer.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                a.know(2, "127.0.0.1", peer.socket().getLocalPort());
                a.send(2, Message.of(1));
                TcpWire wire = TcpWire.of(peer.accept());
                var decided = new CountDownLatch(1);
                var proved = new CountDownLatch(1);
                Thread listener = Thread.ofPlatform().daemon().start(() -> {
                    try {
                        new Handshake(wire, key).listen(2, new Handshake.Door() {
                            @Override public Handshake.Verdict decide(long from) {
                                proved.countDown();
                                try {
                                    decided.await();
                                } catch (InterruptedException never) {
                                    throw new IllegalStateException(never);
                                }
                                return Handshake.Verdict.WELCOME;
                            }

                            @Override public void open(Connection connection) {}
                        });
                    } catch (IOException closed) {
                        // the call was given up
                    }
                });
                proved.await();
                assertEquals(self < 2 ? Handshake.Verdict.BUSY : Handshake.Verdict.WELCOME, a.link(2).decide(System.nanoTime()), "self " + self);
                decided.countDown();
                listener.join();
                if (self < 2) {
                    Inbound.await("our own call came to nothing", () -> a.counts().connected() == 1);
                } else {
                    assertEquals(0, a.counts().connected(), "the call that was given up counts");
                }
                wire.close();
            }
        }
    }

    @Test void callThatBeganBeforeTheConnectionWasMadeDoesNotReplaceIt() throws Exception {
        RunKey key = RunKey.random();
        Inbound right = new Inbound(true);
        long before = System.nanoTime();
        try (Endpoint a = Endpoint.open(Inbound.patient(1, key), new Inbound(true)); Endpoint b = Endpoint.open(Inbound.patient(2, key), right)) {
            a.know(2, "127.0.0.1", b.port());
            a.send(2, Inbound.message(1, 10));
            Inbound.assertCame(right.small, 1, 10, "before");
            for (Link link : new Link[] {a.link(2), b.link(1)}) {
                assertEquals(Handshake.Verdict.BUSY, link.decide(before));
                assertEquals(Handshake.Verdict.WELCOME, link.decide(System.nanoTime()));
                link.lostWelcome();
            }
        }
    }
}
