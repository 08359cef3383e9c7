package dev.xiaolu.comm;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// The open port of an endpoint: takes calls, and lets through to a [Link] those that prove the key in time.
///
/// Whoever can reach the port may call. A caller costs a virtual thread and a few hundred bytes, [#MOST_CALLERS] of them at once; one more, and the one that has been at it for
/// longest is hung up on: a peer is through in a moment, who only holds connections open is not.
final class Listener {
    static final int MOST_CALLERS = 64;

    /// @param begunNanos when the call came in
    private record Caller(TcpWire wire, long begunNanos) {}

    private final Endpoint endpoint;
    private final ServerSocketChannel server;
    private final Map<TcpWire, Caller> callers = new ConcurrentHashMap<>();

    Listener(Endpoint endpoint, ServerSocketChannel server) {
        this.endpoint = endpoint;
        this.server = server;
    }

    static ServerSocketChannel bind(String host, int port) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open();
        try {
            server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            return server.bind(new InetSocketAddress(host, port), 256);
        } catch (IOException | RuntimeException failed) {
            server.close();
            throw failed;
        }
    }

    int port() {
        return server.socket().getLocalPort();
    }

    /// Takes calls until the endpoint closes.
    void accept() {
        while (!endpoint.isClosed()) {
            try {
                SocketChannel channel = server.accept();
                try {
                    TcpWire wire = TcpWire.of(channel);
                    var caller = new Caller(wire, System.nanoTime());
                    makeRoom();
                    callers.put(wire, caller);
                    Thread.ofVirtual().name("xiaolu-handshake-" + endpoint.self()).start(() -> listen(caller));
                } catch (IOException | RuntimeException failed) {
                    channel.close();
                }
            } catch (IOException failed) {
                if (!endpoint.isClosed()) {
                    Endpoint.pause();                                    // out of file handles, say: the backlog waits
                }
            }
        }
    }

    private void makeRoom() {
        while (callers.size() >= MOST_CALLERS) {
            callers.values().stream().min((a, b) -> Long.signum(a.begunNanos - b.begunNanos)).ifPresent(oldest -> {
                if (callers.remove(oldest.wire, oldest)) {
                    oldest.wire.close();
                }
            });
        }
    }

    private void listen(Caller caller) {
        TcpWire wire = caller.wire;
        var door = new Handshake.Door() {
            private Link link;
            private boolean promised, opened;

            @Override public Handshake.Verdict decide(long peer) {
                link = peer == endpoint.self() || peer == Endpoint.NOBODY ? null : endpoint.link(peer);
                Handshake.Verdict verdict = link == null ? Handshake.Verdict.FORGOTTEN : link.decide(caller.begunNanos);
                promised = verdict == Handshake.Verdict.WELCOME;
                return verdict;
            }

            @Override public void open(Connection connection) {
                callers.remove(wire);
                endpoint.unlimit(wire);
                promised = false;
                link.welcome(connection, caller.begunNanos);
                opened = true;
            }
        };
        endpoint.limit(wire);
        try {
            new Handshake(wire, endpoint.key).listen(endpoint.self(), door);
        } catch (TransportException refused) {
            endpoint.count(Endpoint.Event.REFUSED);
            endpoint.tell(Endpoint.NOBODY, refused);
        } catch (IOException | RuntimeException | OutOfMemoryError hungUp) {   // a port that was looked at, a call that was given up; or no memory for a connection
            endpoint.count(Endpoint.Event.REFUSED);
        } finally {
            callers.remove(wire);
            endpoint.unlimit(wire);
            if (door.promised) {
                door.link.lostWelcome();
            }
            if (!door.opened) {
                wire.close();
            }
        }
    }

    void close() {
        try {
            server.close();
        } catch (IOException _) {
            // nothing is left to close then
        }
    }
}
