package dev.xiaolu.comm;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/// A stream of bytes to one other process, both ways: a TCP connection, later also memory shared on one host.
///
/// Trusted for nothing: what it brings is checked. One thread reads and one writes at a time; [#close] may come from any thread and ends both.
interface Wire extends Closeable {
    /// Waits for bytes and puts at least one into `into`; -1 at the end.
    int read(ByteBuffer into) throws IOException;

    /// Writes all that remains in `from`.
    void write(ByteBuffer from) throws IOException;

    /// Where the other side is, for people.
    String remote();

    @Override void close();

    /// Fills `into`; an end before that is an error that tells how many bytes came.
    default void readFully(ByteBuffer into) throws IOException {
        int wanted = into.remaining();
        while (into.hasRemaining()) {
            if (read(into) < 0) {
                throw new IOException("%s closed the connection after %d of %d bytes".formatted(remote(), wanted - into.remaining(), wanted));
            }
        }
    }
}
