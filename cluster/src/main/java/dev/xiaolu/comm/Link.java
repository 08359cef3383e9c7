package dev.xiaolu.comm;

import static dev.xiaolu.comm.TransportException.Reason.RECEIVER;
import static dev.xiaolu.comm.TransportException.Reason.UNREACHABLE;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// All that one endpoint holds for one peer: what is to be sent, what has come, and at most one connection, which may break and be made again at any byte.
///
/// Its [Dialer] calls the peer. Threads: one dials and writes, one hands messages to the receiver, and each connection has one that reads. The monitor of this object guards which connection is
/// current; it is taken before the locks of [Outbox] and [Inbox], never after.
final class Link {
    private final Endpoint endpoint;
    private final long peer;
    private final Outbox outbox;
    private final Inbox inbox = new Inbox();
    private final Dialer dialer;
    private Connection current;
    private long currentSinceNanos;                                      // when it was made, or called for where the peer called
    private int welcomed;                                                // connections that are about to come in
    private boolean wasUp, ended, reported;
    private long downSinceNanos = System.nanoTime();

    Link(Endpoint endpoint, long peer) {
        this.endpoint = endpoint;
        this.peer = peer;
        this.outbox = new Outbox(endpoint.pool, endpoint.options.windowBytes(), endpoint.options.silence().toNanos() / 10);
        this.dialer = new Dialer(endpoint, peer, this);
    }

    void start() {
        thread("link", this::pump);
        thread("deliver", this::deliver);
    }

    private void thread(String role, Runnable work) {
        Thread.ofPlatform().daemon().name("xiaolu-%s-%d-%d".formatted(role, endpoint.self(), peer)).start(work);
    }

    synchronized void know(String host, int port) {
        if (dialer.know(host, port)) {
            notifyAll();
        }
    }

    boolean send(Message message) {
        boolean queued = outbox.send(message);
        synchronized (this) {
            if (current == null) {
                notifyAll();                                             // there is a reason to dial now
            }
        }
        return queued;
    }

    boolean drain(long deadlineNanos) {
        return outbox.drain(deadlineNanos);
    }

    /// Dials and writes, until the link ends.
    private void pump() {
        try {
            while (true) {
                Optional<Connection> connection = connectionOrTurnToDial();
                if (connection == null) {
                    return;
                }
                if (connection.isPresent()) {
                    converse(connection.get());
                } else {
                    dialer.dial();
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    /// The current connection; empty when it is time to dial; null when the link has ended.
    private synchronized Optional<Connection> connectionOrTurnToDial() throws InterruptedException {
        while (!ended) {
            if (current != null) {
                return Optional.of(current);
            }
            if (!dialer.canDial() || welcomed > 0 || !isWanted()) {
                wait();
                continue;
            }
            long left = dialer.nanosLeft();
            if (left <= 0) {
                return Optional.empty();
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        return null;
    }

    /// A link that was up is kept up, by both sides: that is how each notices that the other is gone.
    private boolean isWanted() {
        return wasUp || !outbox.isEmpty();
    }

    private void converse(Connection connection) {
        try {
            connection.write(inbox.progress().frame());
            if (outbox.resume(connection.awaitFirst())) {
                connection.carried();
            }
            while (true) {
                connection.write(outbox.next(connection, inbox));
            }
        } catch (IOException broken) {
            drop(connection, broken);
        } catch (RuntimeException | OutOfMemoryError failed) {
            drop(connection, new IOException("a frame to process %d could not be written: %s".formatted(peer, failed), failed));
        }
    }

    private void read(Connection connection) {
        try {
            for (boolean first = true;; first = false) {
                Connection.Arrived frame = connection.read();
                switch (frame.type()) {
                    case Frame.PROGRESS -> {
                        Frame.Progress progress = Frame.Progress.of(frame.payload());
                        if (first) {
                            connection.first(progress);
                        } else if (outbox.confirm(progress)) {
                            connection.carried();
                        }
                    }
                    case Frame.SMALL, Frame.CHUNK -> {
                        if (inbox.accept(connection, frame)) {
                            outbox.progressDue();
                        }
                        connection.carried();
                    }
                    default -> throw new IOException("%s: frame of type %d, wanted 1 to 3".formatted(connection.remote(), frame.type()));
                }
            }
        } catch (Connection.BadFrameException changed) {
            endpoint.count(Endpoint.Event.BAD_FRAME);
            drop(connection, changed);
        } catch (IOException broken) {
            drop(connection, broken);
        } catch (RuntimeException | OutOfMemoryError failed) {           // no memory for a message: it comes again over the next connection
            drop(connection, new IOException("a frame of process %d could not be taken: %s".formatted(peer, failed), failed));
        }
    }

    private void deliver() {
        try {
            for (Message message = inbox.take(); message != null; message = inbox.take()) {
                try {
                    endpoint.receiver.received(peer, message);
                } catch (Throwable failed) {                             // an error too: a thread that ended here would hold the sender up for ever
                    endpoint.tell(peer, new TransportException(RECEIVER, failed, "the receiver failed on a %s from process %d: %s".formatted(message, peer, failed)));
                }
                inbox.taken(message);
                outbox.progressDue();
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    synchronized boolean isEnded() {
        return ended;
    }

    /// What to say to the peer, which has called at `begunNanos` and proved the key.
    ///
    /// Where both call at once, the call of the lower id counts, and exactly one connection comes of it: the lower id gives its own call up before the peer has heard of it, or
    /// sends the peer away; the higher id gives its own call up. A call that began before the present connection was made is what the peer gave up for that connection.
    synchronized Handshake.Verdict decide(long begunNanos) {
        if (ended) {
            return Handshake.Verdict.FORGOTTEN;
        }
        if (current == null ? dialer.isHeard() && endpoint.self() < peer : begunNanos - currentSinceNanos < 0) {
            return Handshake.Verdict.BUSY;
        }
        dialer.cancel();
        welcomed++;
        return Handshake.Verdict.WELCOME;
    }

    synchronized void lostWelcome() {
        welcomed--;
        notifyAll();
    }

    /// Takes a connection that came in; what was there before is closed, since the peer would not call if it still had it.
    synchronized void welcome(Connection connection, long begunNanos) {
        lostWelcome();
        if (ended || current != null && begunNanos - currentSinceNanos < 0) {
            connection.close();
            return;
        }
        adopt(connection, begunNanos);
    }

    /// Takes a connection that our own call has made; false where it is not wanted any more.
    synchronized boolean offer(Connection connection) {
        if (ended || current != null) {
            return false;
        }
        adopt(connection, System.nanoTime());
        return true;
    }

    private void adopt(Connection connection, long sinceNanos) {
        Connection before = current;
        inbox.own(connection);
        current = connection;
        currentSinceNanos = sinceNanos;
        endpoint.count(Endpoint.Event.CONNECTED);
        wasUp = true;
        reported = false;
        dialer.connected();
        if (before != null) {
            before.close();
            outbox.wake();
        }
        notifyAll();
        thread("read", () -> read(connection));
    }

    private void drop(Connection connection, IOException why) {
        connection.close();
        outbox.wake();
        synchronized (this) {
            if (current != connection) {
                return;
            }
            current = null;
            downSinceNanos = System.nanoTime();
            dialer.broken(why.getMessage(), connection.hasCarried());
            notifyAll();
        }
    }

    /// Called a few times a second: closes a connection that has been silent for too long, reports a peer that stays away.
    void check(long nowNanos, boolean stoodStill) {
        Connection silent = null;
        synchronized (this) {
            if (stoodStill) {
                downSinceNanos = nowNanos;
                if (current != null) {
                    current.excuseSilence();
                }
            }
            if (current != null && nowNanos - current.heardNanos() > endpoint.options.silence().toNanos()) {
                silent = current;
            } else if (current == null && !reported && !ended) {
                if (!isWanted()) {
                    downSinceNanos = nowNanos;
                } else if (nowNanos - downSinceNanos > endpoint.options.unreachableAfter().toNanos()) {
                    reported = true;
                    endpoint.tell(peer, new TransportException(UNREACHABLE, dialer.whereabouts(endpoint.options.unreachableAfter().toSeconds())));
                }
            }
        }
        if (silent != null) {
            drop(silent, new IOException("%s: silent for %d s".formatted(silent.remote(), endpoint.options.silence().toSeconds())));
        }
    }

    /// Throws everything away; senders wake up, and no message is handed over after a call that is under way.
    void end() {
        Connection last;
        synchronized (this) {
            ended = true;
            last = current;
            current = null;
            dialer.cancel();
            notifyAll();
        }
        outbox.end();
        inbox.end();
        if (last != null) {
            last.close();
        }
    }
}
