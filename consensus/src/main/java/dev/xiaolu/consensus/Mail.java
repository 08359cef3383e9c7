package dev.xiaolu.consensus;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import io.microraft.RaftEndpoint;
import io.microraft.model.message.RaftMessage;
import io.microraft.transport.Transport;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.UnaryOperator;

/// Carries the library's messages over an endpoint whose `send` may block, without ever blocking the library.
///
/// The library repeats itself to whoever does not answer, and the endpoint throws nothing away: so only this much is sent to one who was not heard since, and what is more is
/// lost, as the library takes any message to be. What was sent does arrive if he lives, his answer opens the way again. It may have come before he was ready to answer, though, so a
/// short message is let through now and then.
final class Mail implements Transport, AutoCloseable {
    private static final int MOST_UNANSWERED = 256;
    private static final long MOST_UNANSWERED_BYTES = 8 << 20;
    private static final int SHORT_BYTES = 1 << 10;
    private static final byte[] NO_HEAD = {};

    private final Endpoint endpoint;
    private final int kind;
    private final long patienceNanos;
    private final UnaryOperator<RaftMessage> mend;
    private final Map<Long, Box> boxes = new ConcurrentHashMap<>();
    private volatile boolean closed;

    /// @param mend gives what is sent in place of a message
    Mail(Endpoint endpoint, int kind, Duration patience, UnaryOperator<RaftMessage> mend) {
        this.endpoint = endpoint;
        this.kind = kind;
        this.patienceNanos = patience.toNanos();
        this.mend = mend;
    }

    /// What is on its way to one replica. Guarded by itself.
    private final class Box {
        private final LinkedBlockingQueue<byte[]> queue = new LinkedBlockingQueue<>();
        private final Thread sender;
        private int unanswered;
        private long unansweredBytes, sentNanos, heardNanos = System.nanoTime() - patienceNanos;

        Box(long peer) {
            sender = Thread.ofVirtual().name("xiaolu-log-%d-to-%d".formatted(endpoint.self(), peer)).start(() -> run(peer));
        }

        private void run(long peer) {
            try {
                while (!closed) {
                    byte[] bytes = queue.take();
                    if (!closed && !endpoint.send(peer, new Message(kind, NO_HEAD, MemorySegment.ofArray(bytes)))) {
                        return;                                          // forgotten, or the endpoint is closed
                    }
                }
            } catch (InterruptedException _) {
                // closed
            }
        }

        synchronized void put(byte[] bytes) {
            long now = System.nanoTime();
            boolean isOpen = unanswered < MOST_UNANSWERED && unansweredBytes < MOST_UNANSWERED_BYTES;
            if ((isOpen || bytes.length <= SHORT_BYTES && now - sentNanos > patienceNanos) && sender.isAlive()) {
                unanswered++;
                unansweredBytes += bytes.length;
                sentNanos = now;
                queue.add(bytes);
            }
        }

        synchronized void heard() {
            unanswered = 0;
            unansweredBytes = 0;
            heardNanos = System.nanoTime();
        }

        synchronized boolean isHeard() {
            return System.nanoTime() - heardNanos < patienceNanos;
        }
    }

    private Box box(long peer) {
        return boxes.computeIfAbsent(peer, Box::new);
    }

    @Override public void send(RaftEndpoint target, RaftMessage message) {
        send(Seat.of(target).id(), RaftBytes.of(mend.apply(message)));
    }

    void send(long peer, byte[] bytes) {
        if (!closed) {
            box(peer).put(bytes);
        }
    }

    /// A message of that replica has come.
    void heard(long peer) {
        if (!closed) {
            box(peer).heard();
        }
    }

    @Override public boolean isReachable(RaftEndpoint target) {
        return box(Seat.of(target).id()).isHeard();
    }

    @Override public void close() {
        closed = true;
        boxes.values().forEach(box -> box.sender.interrupt());
    }
}
