package dev.xiaolu.comm;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// What has come from one peer: messages put together from frames, each frame once, in a queue whose length the sender's window bounds. Thread-safe.
///
/// It outlives connections: a large message may begin on one and end on another.
final class Inbox {
    private static final int ALIGNMENT = 64;
    private static final int CONFIRM_BYTES = 1 << 20;

    /// A large message of which not all chunks have come.
    private static final class Partial {
        final Message message;
        final MemorySegment body;
        long bytes;

        /// @param isSmall whether the payload holds the whole message, as it then must before memory is taken for what it announces
        Partial(ByteBuffer payload, boolean isSmall) throws IOException {
            int kind = payload.getInt(), headBytes = payload.getInt();
            long bodyBytes = payload.getLong();
            if (headBytes < 0 || headBytes > Message.MAX_HEAD_BYTES || bodyBytes < 0 || bodyBytes > Message.MAX_BYTES - headBytes || headBytes > payload.remaining()) {
                throw new IOException("a message with a head of %d and a body of %d bytes was announced, wanted at most %d and %d".formatted(headBytes, bodyBytes,
                        Message.MAX_HEAD_BYTES, Message.MAX_BYTES));
            }
            if (isSmall && headBytes + bodyBytes != payload.remaining()) {
                throw new IOException("a small message has %d bytes, %d were announced".formatted(payload.remaining(), headBytes + bodyBytes));
            }
            byte[] head = new byte[headBytes];
            payload.get(head);
            body = bodyBytes == 0 ? Message.NO_BODY : Arena.ofAuto().allocate(bodyBytes, ALIGNMENT);
            message = new Message(kind, head, body.asReadOnly());
            add(payload);
        }

        void add(ByteBuffer payload) throws IOException {
            if (payload.remaining() > body.byteSize() - bytes) {
                throw new IOException("%d bytes came for the last %d bytes of a message".formatted(payload.remaining(), body.byteSize() - bytes));
            }
            int length = payload.remaining();
            if (length > 0) {                                            // NO_BODY cannot be written to, not even with nothing
                MemorySegment.copy(MemorySegment.ofBuffer(payload), 0, body, bytes, length);
                bytes += length;
            }
        }

        boolean isWhole() {
            return bytes == body.byteSize();
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrived = lock.newCondition();
    private final ArrayDeque<Message> ready = new ArrayDeque<>();
    private Connection owner;
    private Partial partial;
    private long unconfirmedBytes;
    private boolean ended;
    private volatile long small, chunks, takenBytes;

    /// From now on only frames of this connection count; those of an earlier one that its reader still holds are dropped and will be sent again.
    void own(Connection connection) {
        lock.lock();
        try {
            owner = connection;
        } finally {
            lock.unlock();
        }
    }

    /// Takes a frame; gives whether the peer should soon hear how far we are.
    boolean accept(Connection connection, Connection.Arrived frame) throws IOException {
        lock.lock();
        try {
            if (ended || owner != connection) {
                throw new IOException(connection.remote() + ": another connection has taken over");
            }
            long expected = 1 + (frame.type() == Frame.SMALL ? small : chunks);
            if (frame.sequence() < expected) {
                return true;                                             // came already, over an earlier connection
            }
            if (frame.sequence() > expected) {
                throw new IOException("%s: frame %d came where %d was next".formatted(connection.remote(), frame.sequence(), expected));
            }
            if (frame.type() == Frame.SMALL) {
                acceptSmall(frame.payload());
            } else {
                acceptChunk(frame.payload());
            }
            unconfirmedBytes += frame.payload().limit();
            if (unconfirmedBytes < CONFIRM_BYTES) {
                return false;
            }
            unconfirmedBytes = 0;
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void acceptSmall(ByteBuffer payload) throws IOException {
        ready.add(new Partial(payload, true).message);
        arrived.signalAll();
        small++;                                                         // by this thread alone, under the lock
    }

    private void acceptChunk(ByteBuffer payload) throws IOException {
        if (partial == null) {
            partial = new Partial(payload, false);
        } else {
            partial.add(payload);
        }
        if (partial.isWhole()) {
            ready.add(partial.message);
            partial = null;
            arrived.signalAll();
        }
        chunks++;
    }

    /// Waits for the next message; null when this inbox has ended.
    Message take() throws InterruptedException {
        lock.lock();
        try {
            while (!ended && ready.isEmpty()) {
                arrived.await();
            }
            return ended ? null : ready.remove();
        } finally {
            lock.unlock();
        }
    }

    /// The receiver is done with a message: its bytes make room in the sender's window.
    void taken(Message message) {
        lock.lock();
        try {
            takenBytes += message.windowBytes();
        } finally {
            lock.unlock();
        }
    }

    Frame.Progress progress() {
        return new Frame.Progress(small, chunks, takenBytes);
    }

    void end() {
        lock.lock();
        try {
            ended = true;
            ready.clear();
            partial = null;
            arrived.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
