package dev.xiaolu.consensus;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// The way from one endpoint to another, which can be shut: what is on it is lost and nothing gets through until it is opened again.
final class Gate implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Set<Socket> passing = ConcurrentHashMap.newKeySet();
    private final int target;
    private volatile boolean shut;

    Gate(int target) throws IOException {
        this.target = target;
        Thread.ofVirtual().start(this::accept);
    }

    int port() {
        return server.getLocalPort();
    }

    void shut() {
        shut = true;
        passing.forEach(Gate::cut);
    }

    void open() {
        shut = false;
    }

    private static void cut(Socket socket) {
        try {
            socket.close();
        } catch (IOException gone) {
            // already
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket in = server.accept();
                if (shut) {
                    cut(in);
                    continue;
                }
                try {
                    var out = new Socket(InetAddress.getLoopbackAddress(), target);
                    pass(in, out);
                    pass(out, in);
                } catch (IOException refused) {
                    cut(in);
                }
            }
        } catch (IOException closed) {
            // the test is over
        }
    }

    private void pass(Socket from, Socket to) {
        passing.add(from);
        if (shut) {
            cut(from);
        }
        Thread.ofVirtual().start(() -> {
            try (from; to) {
                from.setTcpNoDelay(true);
                from.getInputStream().transferTo(to.getOutputStream());
            } catch (IOException cut) {
                // as it shall be
            } finally {
                passing.remove(from);
            }
        });
    }

    @Override public void close() throws IOException {
        server.close();
        shut();
    }
}
