package dev.xiaolu.comm;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import javax.crypto.Mac;

/// Frames over one wire whose two ends have proved the run key to each other.
///
/// Each direction has a key of its own, made from the run key and the nonces of both sides, and counts its frames: a frame that was changed, repeated, swapped, left out,
/// or taken from another connection or direction has a wrong MAC. One thread reads and one writes.
final class Connection {
    /// A frame that came in; `payload` is valid until the next [#read].
    record Arrived(int type, long sequence, ByteBuffer payload) {}

    /// Some frame was not what the peer sent.
    static final class BadFrameException extends IOException {
        private static final long serialVersionUID = 1L;

        BadFrameException(String message) {
            super(message);
        }
    }

    private final Wire wire;
    private final Mac sends, receives;
    private final ByteBuffer in = ByteBuffer.allocateDirect(Frame.MAX_BYTES).order(ByteOrder.LITTLE_ENDIAN).limit(0);   // from position to limit: come, not yet read
    private final ByteBuffer count = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    private final ByteBuffer sentCount = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    private final byte[] mac = new byte[Frame.MAC_BYTES];
    private final CompletableFuture<Frame.Progress> first = new CompletableFuture<>();
    private long framesSent, framesRead;
    private volatile long heardNanos = System.nanoTime();
    private volatile boolean closed, hasCarried;

    Connection(Wire wire, Mac sends, Mac receives) {
        this.wire = wire;
        this.sends = sends;
        this.receives = receives;
    }

    /// Waits for the next frame and proves it.
    Arrived read() throws IOException {
        fill(Frame.HEADER_BYTES);
        int at = in.position(), length = in.getInt(at), type = in.getInt(at + 4);
        long sequence = in.getLong(at + 8);
        if (in.getInt(at + 16) != Frame.headerSum(in, at) || length < 0 || length > Frame.MAX_PAYLOAD_BYTES) {
            throw new BadFrameException("%s: the header of frame %d was changed on the way".formatted(wire.remote(), framesRead));
        }
        fill(Frame.HEADER_BYTES + length + Frame.MAC_BYTES);
        at = in.position();                                              // filling may have moved what had come
        receives.update(count.putLong(0, framesRead).rewind());
        receives.update(in.slice(at, Frame.HEADER_BYTES + length));
        in.get(at + Frame.HEADER_BYTES + length, mac);
        if (!MessageDigest.isEqual(mac, receives.doFinal())) {
            throw new BadFrameException("%s: frame %d was changed on the way, or is not the one that was sent".formatted(wire.remote(), framesRead));
        }
        framesRead++;
        in.position(at + Frame.HEADER_BYTES + length + Frame.MAC_BYTES);
        heardNanos = System.nanoTime();
        return new Arrived(type, sequence, in.slice(at + Frame.HEADER_BYTES, length).order(ByteOrder.LITTLE_ENDIAN));
    }

    /// Waits until `wanted` bytes, at most the buffer's size, lie before the limit.
    private void fill(int wanted) throws IOException {
        while (in.remaining() < wanted) {
            if (in.capacity() - in.position() < wanted) {
                in.compact().flip();
            }
            ByteBuffer space = in.duplicate().limit(in.capacity()).position(in.limit());
            if (wire.read(space) < 0) {
                throw new IOException(wire.remote() + " closed the connection");
            }
            in.limit(space.position());
        }
    }

    void write(Frame frame) throws IOException {
        ByteBuffer bytes = frame.bytes().duplicate().clear();            // the frame may be sent again, over another connection
        int payloadEnd = frame.bytes().limit() - Frame.MAC_BYTES;
        sends.update(sentCount.putLong(0, framesSent++).rewind());
        sends.update(bytes.limit(payloadEnd));
        bytes.limit(frame.bytes().limit()).position(payloadEnd).put(sends.doFinal());
        wire.write(bytes.rewind());
    }

    /// The first word of each side tells what it has received; until then nothing else is sent.
    void first(Frame.Progress progress) {
        first.complete(progress);
    }

    Frame.Progress awaitFirst() throws IOException {
        try {
            return first.get();
        } catch (ExecutionException ended) {
            throw new IOException(ended.getCause().getMessage(), ended.getCause());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", interrupted);
        }
    }

    long heardNanos() {
        return heardNanos;
    }

    /// Counts silence from now on, after this process itself had stood still.
    void excuseSilence() {
        heardNanos = System.nanoTime();
    }

    /// Something new came through, either way.
    void carried() {
        hasCarried = true;
    }

    boolean hasCarried() {
        return hasCarried;
    }

    boolean isClosed() {
        return closed;
    }

    String remote() {
        return wire.remote();
    }

    /// May come from any thread; ends a read and a write that wait.
    void close() {
        closed = true;
        wire.close();
        first.completeExceptionally(new IOException(wire.remote() + ": closed"));
    }
}
