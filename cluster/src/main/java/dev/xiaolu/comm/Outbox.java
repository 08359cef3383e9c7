package dev.xiaolu.comm;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// What one peer has still to get: two classes of frames, each in order, kept until the peer says that it has them. Thread-safe; one thread takes frames out.
final class Outbox {
    /// After this many bytes of small messages a chunk of a large one has its turn, so that neither class starves.
    private static final int FAIR_BYTES = 1 << 20;

    /// The frames of one class: those sent but not confirmed, then those that wait.
    private final class Lane {
        private final ArrayDeque<Frame> sent = new ArrayDeque<>(), waiting = new ArrayDeque<>();
        private long last, highestSent;

        void add(Frame frame) {
            frame.seal(++last);
            waiting.add(frame);
        }

        Frame take() {
            Frame frame = waiting.remove();
            sent.add(frame);
            highestSent = Math.max(highestSent, frame.sequence());
            return frame;
        }

        /// Gives whether that was news.
        boolean confirm(long received) throws IOException {
            if (received > highestSent) {
                throw new IOException("the peer confirms frame %d, but only %d were sent".formatted(received, highestSent));
            }
            int before = sent.size();
            while (!sent.isEmpty() && sent.getFirst().sequence() <= received) {
                pool.giveBack(sent.remove());
            }
            return sent.size() < before;
        }

        /// All that was sent and not confirmed is to be sent again, in order.
        void rewind() {
            while (!sent.isEmpty()) {
                waiting.addFirst(sent.removeLast());
            }
        }

        void clear() {
            sent.clear();                                                // not back to the pool: one of them may be on its way out
            waiting.clear();
        }

        boolean isEmpty() {
            return sent.isEmpty() && waiting.isEmpty();
        }
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition(), work = lock.newCondition();
    private final ChunkPool pool;
    private final long windowBytes, pingNanos;
    private final Lane small = new Lane(), large = new Lane();
    private long queuedBytes, takenBytes, smallBytesInARow;
    private boolean progressDue, progressBefore, ended;

    Outbox(ChunkPool pool, long windowBytes, long pingNanos) {
        this.pool = pool;
        this.windowBytes = windowBytes;
        this.pingNanos = pingNanos;
    }

    /// Queues a message once the window has room; false when this outbox has ended.
    boolean send(Message message) {
        long bytes = message.windowBytes();
        lock.lock();
        try {
            while (!ended && queuedBytes - takenBytes > windowBytes) {
                room.awaitUninterruptibly();
            }
            if (ended) {
                return false;
            }
            queuedBytes += bytes;
        } finally {
            lock.unlock();
        }
        List<Frame> frames;
        try {
            frames = Frame.of(message, pool);                            // the copy is the long part and needs no lock
        } catch (RuntimeException | OutOfMemoryError failed) {           // a body that is closed or another thread's, or no memory for the copy
            giveUp(bytes);
            throw failed;
        }
        lock.lock();
        try {
            if (ended) {
                return false;
            }
            frames.forEach(message.isSmall() ? small::add : large::add);
            work.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /// A message that will not be sent takes no room.
    private void giveUp(long bytes) {
        lock.lock();
        try {
            queuedBytes -= bytes;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// The next frame for this connection: progress of our own side first, then small messages, then chunks; after a while of nothing, progress again as a sign of life.
    Frame next(Connection connection, Inbox inbox) throws IOException {
        lock.lock();
        try {
            for (long left = pingNanos;; left = work.awaitNanos(left)) {
                if (ended || connection.isClosed()) {
                    throw new IOException(connection.remote() + ": closed");
                }
                boolean isIdle = small.waiting.isEmpty() && large.waiting.isEmpty();
                if (progressDue && (isIdle || !progressBefore) || left <= 0) {     // never twice before a waiting frame: it is due again and again while much comes in
                    progressDue = false;
                    progressBefore = true;
                    return inbox.progress().frame();
                }
                progressBefore &= isIdle;
                if (!small.waiting.isEmpty() && (smallBytesInARow < FAIR_BYTES || large.waiting.isEmpty())) {
                    Frame frame = small.take();
                    smallBytesInARow += frame.bytes().limit();
                    return frame;
                }
                if (!large.waiting.isEmpty()) {
                    smallBytesInARow = 0;
                    return large.take();
                }
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", interrupted);
        } finally {
            lock.unlock();
        }
    }

    /// The peer tells what it has; gives whether that was news.
    boolean confirm(Frame.Progress progress) throws IOException {
        lock.lock();
        try {
            boolean isNews = small.confirm(progress.small()) | large.confirm(progress.chunks()) | progress.takenBytes() > takenBytes;
            takenBytes = Math.max(takenBytes, progress.takenBytes());
            room.signalAll();
            return isNews;
        } finally {
            lock.unlock();
        }
    }

    /// A new connection begins where the peer says that it stands.
    boolean resume(Frame.Progress progress) throws IOException {
        lock.lock();
        try {
            boolean isNews = confirm(progress);
            small.rewind();
            large.rewind();
            return isNews;
        } finally {
            lock.unlock();
        }
    }

    /// Our side has come farther, which the peer should hear.
    void progressDue() {
        lock.lock();
        try {
            progressDue = true;
            work.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// A connection ended: whoever waits for frames for it shall look.
    void wake() {
        lock.lock();
        try {
            work.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Whether there is anything that the peer has not confirmed.
    boolean isEmpty() {
        lock.lock();
        try {
            return small.isEmpty() && large.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /// Waits until the receiver on the other side has taken every message; false when the time is over or this outbox has ended.
    boolean drain(long deadlineNanos) {
        lock.lock();
        try {
            while (!ended && takenBytes < queuedBytes) {
                long left = deadlineNanos - System.nanoTime();
                if (left <= 0) {
                    return false;
                }
                room.await(left, TimeUnit.NANOSECONDS);
            }
            return takenBytes >= queuedBytes;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    /// Throws everything away and wakes everyone.
    void end() {
        lock.lock();
        try {
            ended = true;
            small.clear();
            large.clear();
            room.signalAll();
            work.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
