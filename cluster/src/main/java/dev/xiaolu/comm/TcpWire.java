package dev.xiaolu.comm;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/// A TCP connection; small writes leave at once.
final class TcpWire implements Wire {
    private final SocketChannel channel;
    private final String remote;

    private TcpWire(SocketChannel channel, String remote) {
        this.channel = channel;
        this.remote = remote;
    }

    /// A wire that is not connected yet, so that another thread can close it while [#connect] waits.
    static TcpWire to(String host, int port) throws IOException {
        return new TcpWire(prepared(SocketChannel.open()), host + ":" + port);
    }

    /// The wire of a connection that came in.
    static TcpWire of(SocketChannel accepted) throws IOException {
        var address = (InetSocketAddress) accepted.getRemoteAddress();
        return new TcpWire(prepared(accepted), address == null ? "a closed connection" : address.getAddress().getHostAddress() + ":" + address.getPort());
    }

    void connect(String host, int port, int timeoutMillis) throws IOException {
        var address = new InetSocketAddress(host, port);                 // asked anew each time: a host may move
        if (address.isUnresolved()) {
            throw new IOException("no host is named " + host);
        }
        channel.socket().connect(address, timeoutMillis);
    }

    private static SocketChannel prepared(SocketChannel channel) throws IOException {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        return channel;
    }

    @Override public int read(ByteBuffer into) throws IOException {
        return channel.read(into);
    }

    @Override public void write(ByteBuffer from) throws IOException {
        while (from.hasRemaining()) {
            channel.write(from);
        }
    }

    @Override public String remote() {
        return remote;
    }

    @Override public void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // nothing is left to close then
        }
    }
}
