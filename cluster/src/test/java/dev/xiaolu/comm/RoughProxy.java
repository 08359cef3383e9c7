package dev.xiaolu.comm;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/// Stands between two endpoints: splits and delays what it passes on, and harms each direction of each connection once, after a while, in a way drawn from the seed.
final class RoughProxy implements AutoCloseable {
    /// What befalls a block of bytes.
    enum Harm { CUT, FLIP, DUPLICATE, SWAP, LOSE }

    /// Long enough to let most handshakes through.
    private static final int CALM_BYTES = 300;

    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final int target, mostBytes;
    private final Random random;
    private final Map<Harm, AtomicInteger> done = new EnumMap<>(Harm.class);

    /// @param mostBytes within how many bytes a direction is harmed
    RoughProxy(int target, long seed, int mostBytes) throws IOException {
        this.target = target;
        this.mostBytes = mostBytes;
        this.random = new Random(seed);
        for (Harm harm : Harm.values()) {
            done.put(harm, new AtomicInteger());
        }
        Thread.ofPlatform().daemon().start(this::accept);
    }

    int port() {
        return server.getLocalPort();
    }

    int count(Harm harm) {
        return done.get(harm).get();
    }

    private void accept() {
        try {
            while (true) {
                Socket in = server.accept();
                try {
                    Socket out = new Socket(InetAddress.getLoopbackAddress(), target);
                    pass(in, out, new Random(random.nextLong()));
                    pass(out, in, new Random(random.nextLong()));
                } catch (IOException refused) {
                    in.close();
                }
            }
        } catch (IOException closed) {
            // the test is over
        }
    }

    private void pass(Socket from, Socket to, Random draws) {
        Thread.ofVirtual().start(() -> {
            try (from; to) {
                from.setTcpNoDelay(true);
                to.setTcpNoDelay(true);
                Harm harm = Harm.values()[draws.nextInt(Harm.values().length)];
                int left = CALM_BYTES + draws.nextInt(mostBytes);
                byte[] bytes = new byte[1 << 16];
                for (int read; (read = from.getInputStream().read(bytes, 0, 1 + draws.nextInt(bytes.length))) > 0; left -= read) {
                    if (left > 0 && left <= read) {
                        done.get(harm).incrementAndGet();
                        byte[] harmed = harmed(harm, bytes, read);
                        to.getOutputStream().write(harmed);
                        if (harm == Harm.CUT) {
                            return;
                        }
                    } else {
                        passInPieces(to, bytes, read, draws);
                    }
                }
            } catch (IOException cut) {
                // as it shall be
            }
        });
    }

    private static void passInPieces(Socket to, byte[] bytes, int length, Random draws) throws IOException {
        for (int at = 0; at < length;) {
            int piece = draws.nextInt(4) == 0 ? Math.min(length - at, 1 + draws.nextInt(100)) : length - at;
            to.getOutputStream().write(bytes, at, piece);
            at += piece;
            if (draws.nextInt(16) == 0) {
                LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(draws.nextInt(2000)));
            }
        }
    }

    private static byte[] harmed(Harm harm, byte[] bytes, int length) {
        int half = length / 2;
        byte[] harmed = new byte[switch (harm) {
            case CUT, LOSE -> half;
            case DUPLICATE -> 2 * length;
            case FLIP, SWAP -> length;
        }];
        System.arraycopy(bytes, 0, harmed, 0, Math.min(length, harmed.length));
        switch (harm) {
            case FLIP -> harmed[half] ^= 4;
            case DUPLICATE -> System.arraycopy(bytes, 0, harmed, length, length);
            case SWAP -> {
                System.arraycopy(bytes, half, harmed, 0, length - half);
                System.arraycopy(bytes, 0, harmed, length - half, half);
            }
            case CUT, LOSE -> {}
        }
        return harmed;
    }

    @Override public void close() throws IOException {
        server.close();
    }
}
