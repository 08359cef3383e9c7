package dev.xiaolu.comm;

import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/// Off-heap buffers for chunks of large messages, used again and again. Thread-safe.
final class ChunkPool {
    private final ConcurrentLinkedQueue<ByteBuffer> free = new ConcurrentLinkedQueue<>();
    private final AtomicInteger kept = new AtomicInteger();
    private final int most;

    /// Keeps at most this many bytes for later; what is given back beyond that is left to the garbage collector.
    ChunkPool(long mostBytes) {
        this.most = (int) Math.min(1 << 20, mostBytes / Frame.CHUNK_BYTES);
    }

    ByteBuffer take() {
        ByteBuffer buffer = free.poll();
        if (buffer == null) {
            return ByteBuffer.allocateDirect(Frame.HEADER_BYTES + Frame.CHUNK_BYTES + Frame.MAC_BYTES);
        }
        kept.decrementAndGet();
        return buffer;
    }

    void giveBack(Frame frame) {
        if (frame.type() == Frame.CHUNK && kept.get() < most) {
            kept.incrementAndGet();
            free.add(frame.bytes());
        }
    }
}
