package dev.xiaolu.comm;

import static dev.xiaolu.comm.TransportException.Reason.FORGOTTEN;
import static dev.xiaolu.comm.TransportException.Reason.RECEIVER;
import static dev.xiaolu.comm.TransportException.Reason.UNREACHABLE;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/// All that one endpoint holds for one peer: what is to be sent, what has come, and at most one connection, which may break and be made again at any byte.
///
/// Threads: one dials and writes, one hands messages to the receiver, and each connection has one that reads. The monitor of this object guards which connection is
/// current; it is taken before the locks of [Outbox] and [Inbox], never after.
final class Link {
    private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10), LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Endpoint endpoint;
    private final long peer;
    private final Outbox outbox;
    private final Inbox inbox = new Inbox();
    private String host;
    private int port;
    private Connection current;
    private TcpWire dialing;
    private boolean dialIsHeard;                                         // the dialed side has picked up
    private int welcomed;                                                // connections that are about to come in
    private boolean wasUp, ended, refused, reported;
    private long downSinceNanos = System.nanoTime(), nextDialNanos = downSinceNanos, pauseNanos = FIRST_PAUSE_NANOS;
    private TransportException.Reason lastReason, toldReason;
    private String lastProblem = "never connected";

    Link(Endpoint endpoint, long peer) {
        this.endpoint = endpoint;
        this.peer = peer;
        this.outbox = new Outbox(endpoint.pool, endpoint.options.windowBytes(), endpoint.options.silence().toNanos() / 10);
    }

    void start() {
        thread("link", this::pump);
        thread("deliver", this::deliver);
    }

    private void thread(String role, Runnable work) {
        Thread.ofPlatform().daemon().name("xiaolu-%s-%d-%d".formatted(role, endpoint.self(), peer)).start(work);
    }

    synchronized void know(String host, int port) {
        if (!host.equals(this.host) || port != this.port) {
            this.host = host;
            this.port = port;
            nextDialNanos = System.nanoTime();
            pauseNanos = FIRST_PAUSE_NANOS;
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
                    dial();
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
            if (host == null || refused || welcomed > 0 || !isWanted()) {
                wait();
                continue;
            }
            long left = nextDialNanos - System.nanoTime();
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
            outbox.resume(connection.awaitFirst());
            synchronized (this) {
                pauseNanos = FIRST_PAUSE_NANOS;
            }
            while (true) {
                connection.write(outbox.next(connection, inbox));
            }
        } catch (IOException broken) {
            drop(connection, broken);
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
                        } else {
                            outbox.confirm(progress);
                        }
                    }
                    case Frame.SMALL, Frame.CHUNK -> {
                        if (inbox.accept(connection, frame)) {
                            outbox.progressDue();
                        }
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
                } catch (RuntimeException failed) {
                    endpoint.tell(peer, new TransportException(RECEIVER, failed, "the receiver failed on a %s from process %d: %s".formatted(message, peer, failed)));
                }
                inbox.taken(message);
                outbox.progressDue();
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private void dial() {
        TcpWire wire = null;
        String where = "?";
        try {
            String toHost;
            int toPort;
            synchronized (this) {
                toHost = host;
                toPort = port;
                where = host + ":" + port;
                wire = TcpWire.to(toHost, toPort);
                dialing = wire;
            }
            wire.connect(toHost, toPort, Math.toIntExact(endpoint.options.handshake().toMillis()));
            endpoint.limit(wire);
            Optional<Connection> made = new Handshake(wire, endpoint.key).dial(endpoint.self(), peer, this::heard);
            synchronized (this) {
                if (made.isPresent() && current == null && !ended) {
                    endpoint.unlimit(wire);
                    adopt(made.get());
                    wire = null;                                         // it is the link's now
                } else if (made.isEmpty()) {
                    pause("the peer's own call was to come first");
                }
            }
        } catch (TransportException told) {
            failedToDial(where, told.reason(), told.getMessage());
        } catch (IOException | RuntimeException failed) {
            failedToDial(where, null, where + ": " + failed.getMessage());
        } finally {
            synchronized (this) {
                dialing = null;
                dialIsHeard = false;
            }
            if (wire != null) {
                endpoint.unlimit(wire);
                wire.close();
            }
        }
    }

    private synchronized void heard() {
        dialIsHeard = true;
    }

    private synchronized void failedToDial(String where, TransportException.Reason reason, String problem) {
        if (current != null || ended) {
            return;                                                      // the peer came first, and closed our call
        }
        pause(problem);
        if (reason != null && reason == lastReason && reason != toldReason) {    // twice in a row: not a bit that flipped on the way
            toldReason = reason;
            refused = reason == FORGOTTEN;
            endpoint.tell(peer, new TransportException(reason, problem));
        }
        lastReason = reason;
    }

    /// Waits longer before each dial that follows a failed one, and a random part of that, so that two sides do not call in step.
    private synchronized void pause(String problem) {
        lastProblem = problem;
        nextDialNanos = System.nanoTime() + pauseNanos / 2 + ThreadLocalRandom.current().nextLong(pauseNanos);
        pauseNanos = Math.min(LONGEST_PAUSE_NANOS, 2 * pauseNanos);
    }

    /// What to say to the peer, which calls and has proved the key. Where both call at once, the call of the lower id counts.
    synchronized Handshake.Verdict decide() {
        if (ended) {
            return Handshake.Verdict.FORGOTTEN;
        }
        if (current == null && dialIsHeard && endpoint.self() < peer) {
            return Handshake.Verdict.BUSY;
        }
        welcomed++;
        return Handshake.Verdict.WELCOME;
    }

    synchronized void lostWelcome() {
        welcomed--;
        notifyAll();
    }

    /// Takes a connection that came in; what was there before is closed, since the peer would not call if it still had it.
    synchronized void welcome(Connection connection) {
        lostWelcome();
        if (ended) {
            connection.close();
            return;
        }
        if (dialing != null) {
            dialing.close();
        }
        adopt(connection);
    }

    private void adopt(Connection connection) {
        Connection before = current;
        inbox.own(connection);
        current = connection;
        endpoint.count(Endpoint.Event.CONNECTED);
        wasUp = true;
        reported = false;
        lastReason = null;
        toldReason = null;
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
            lastProblem = why.getMessage();
            downSinceNanos = System.nanoTime();
            nextDialNanos = downSinceNanos + pauseNanos / 2 + (endpoint.self() > peer ? pauseNanos : 0);    // mostly one side calls first
            pauseNanos = Math.min(LONGEST_PAUSE_NANOS, 2 * pauseNanos);
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
                    endpoint.tell(peer, new TransportException(UNREACHABLE, "process %d%s: not reached for %d s, last: %s".formatted(peer, host == null ? "" : " at " + host + ":" + port,
                            endpoint.options.unreachableAfter().toSeconds(), lastProblem)));
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
            if (dialing != null) {
                dialing.close();
            }
            notifyAll();
        }
        outbox.end();
        inbox.end();
        if (last != null) {
            last.close();
        }
    }
}
