package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.RandomKey;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/// Stands before a port of this machine in drills: passes bytes on, and does to them for a while what a bad network does. Thread-safe.
final class RoughLink implements AutoCloseable {
    /// What befalls the bytes.
    enum Weather {
        /// Nothing.
        CALM,
        /// Each block comes late, by up to a fifth of a second.
        DELAY,
        /// Bytes are lost, which breaks the connection's stream.
        DROP,
        /// Bytes come twice.
        DUPLICATE,
        /// A bit is turned over.
        FLIP,
        /// Connections are cut.
        CUT,
        /// Nothing passes towards the port, or back.
        PARTITION,
        /// Nothing passes towards the port.
        ONE_WAY
    }

    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final ServerSocket server;
    private final int target;
    private final RandomKey key;
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    private long connections;                                    // so far; of the accepting thread
    private volatile Weather weather = Weather.CALM;
    private volatile long until;

    /// Before `target`, with draws from `seed`.
    RoughLink(int target, long seed) {
        try {
            server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException failed) {
            throw new IllegalStateException("no port for a drill", failed);
        }
        this.target = target;
        key = RandomKey.ofSeed(seed).at("link");
        Thread.ofPlatform().daemon().name("xiaolu-rough-link").start(this::accept);
    }

    int port() {
        return server.getLocalPort();
    }

    /// From now on, for so many milliseconds.
    void set(Weather next, long millis) {
        until = Clock.real().nanos() + millis * 1_000_000;
        weather = next;
        if (next == Weather.CUT) {
            open.forEach(RoughLink::close);
        }
    }

    private Weather now() {
        return Clock.real().nanos() - until < 0 ? weather : Weather.CALM;
    }

    private void accept() {
        try {
            while (true) {
                Socket in = server.accept();
                try {
                    Socket out = new Socket(InetAddress.getLoopbackAddress(), target);
                    open.add(in);
                    open.add(out);
                    RandomKey own = key.at(connections++);
                    pass(in, out, true, new Draws(own.at("forth")));
                    pass(out, in, false, new Draws(own.at("back")));
                } catch (IOException refused) {
                    in.close();
                }
            }
        } catch (IOException closed) {
            // the drill is over
        }
    }

    private void pass(Socket from, Socket to, boolean forth, Draws draws) {
        Thread.ofPlatform().daemon().name("xiaolu-rough-pass").start(() -> {
            byte[] bytes = new byte[1 << 16];
            try (from; to) {
                from.setTcpNoDelay(true);
                to.setTcpNoDelay(true);
                for (int read; (read = from.getInputStream().read(bytes)) > 0;) {
                    harm(to, bytes, read, forth, draws);
                }
            } catch (IOException cut) {
                // as it shall be
            } finally {
                open.remove(from);
                open.remove(to);
            }
        });
    }

    private void harm(Socket to, byte[] bytes, int length, boolean forth, Draws draws) throws IOException {
        while (now() == Weather.PARTITION || now() == Weather.ONE_WAY && forth) {
            LockSupport.parkNanos(PATIENCE_NANOS);                       // the bytes are kept back: to both sides that is silence
        }
        boolean struck = draws.below(4) == 0;
        switch (now()) {
            case DELAY -> LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(draws.below(200)));
            case DROP -> length = struck ? length / 2 : length;
            case FLIP -> bytes[length / 2] ^= struck ? 8 : 0;
            case DUPLICATE -> {
                if (struck) {
                    to.getOutputStream().write(bytes, 0, length);
                }
            }
            default -> { }
        }
        to.getOutputStream().write(bytes, 0, length);
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException _) {
            // closed it is
        }
    }

    @Override public void close() {
        try {
            server.close();
        } catch (IOException _) {
            // closed it is
        }
        open.forEach(RoughLink::close);
    }
}
