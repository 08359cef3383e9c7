package dev.xiaolu.comm;

import static dev.xiaolu.comm.TransportException.Reason.FORGOTTEN;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/// The calling half of a [Link]: where the peer listens, when to call it next, and the call under way.
///
/// The monitor of the link guards all of it: whoever calls a method other than [#dial] holds it.
final class Dialer {
    private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10), LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Endpoint endpoint;
    private final long peer;
    private final Link link;
    private String host;
    private int port;
    private TcpWire call;                                                // under way; null where there is none, or it was cancelled
    private boolean isHeard;                                             // the called side has picked up
    private boolean isRefused;
    private long nextNanos = System.nanoTime(), pauseNanos = FIRST_PAUSE_NANOS;
    private TransportException.Reason lastReason, toldReason;
    private String lastProblem = "never connected";

    Dialer(Endpoint endpoint, long peer, Link link) {
        this.endpoint = endpoint;
        this.peer = peer;
        this.link = link;
    }

    /// Whether the address is another than before.
    boolean know(String newHost, int newPort) {
        boolean isNew = !newHost.equals(host) || newPort != port;
        if (isNew) {
            host = newHost;
            port = newPort;
            nextNanos = System.nanoTime();
            pauseNanos = FIRST_PAUSE_NANOS;
        }
        return isNew;
    }

    /// Whether calling makes sense at all.
    boolean canDial() {
        return host != null && !isRefused;
    }

    /// How long to wait before the next call; not positive when it is time.
    long nanosLeft() {
        return nextNanos - System.nanoTime();
    }

    /// Whether the peer has answered the call under way, and so knows of it.
    boolean isHeard() {
        return isHeard;
    }

    /// Gives up the call under way, if any: where the peer has not answered yet, it will never get our proof.
    void cancel() {
        isHeard = false;
        if (call != null) {
            call.close();
            call = null;
        }
    }

    /// A connection was made, by either side.
    void connected() {
        lastReason = null;
        toldReason = null;
    }

    /// A connection broke. One that carried nothing new makes us wait longer before the next; the higher id waits longer still, so that mostly one side calls first.
    void broken(String problem, boolean hadCarried) {
        lastProblem = problem;
        if (hadCarried) {
            pauseNanos = FIRST_PAUSE_NANOS;
        }
        nextNanos = System.nanoTime() + pauseNanos / 2 + (endpoint.self() > peer ? pauseNanos : 0);
        pauseNanos = Math.min(LONGEST_PAUSE_NANOS, 2 * pauseNanos);
    }

    /// Where the peer is and what happened last, for people.
    String whereabouts(long seconds) {
        return "process %d%s: not reached for %d s, last: %s".formatted(peer, host == null ? "" : " at " + host + ":" + port, seconds, lastProblem);
    }

    /// Calls once, without the monitor; the link gets the connection, if one is made.
    void dial() {
        TcpWire wire = null;
        String where = "?";
        try {
            String toHost;
            int toPort;
            synchronized (link) {
                toHost = host;
                toPort = port;
                where = host + ":" + port;
                wire = TcpWire.to(toHost, toPort);
                call = wire;
                if (link.isEnded()) {
                    return;
                }
            }
            wire.connect(toHost, toPort, Math.toIntExact(endpoint.options.handshake().toMillis()));
            endpoint.limit(wire);
            TcpWire own = wire;
            Optional<Connection> made = new Handshake(wire, endpoint.key).dial(endpoint.self(), peer, () -> heard(own));
            synchronized (link) {
                if (made.isEmpty()) {
                    pause("the peer's own call was to come first");
                } else if (call == wire && link.offer(made.get())) {
                    endpoint.unlimit(wire);
                    wire = null;                                         // it is the link's now
                }
            }
        } catch (TransportException told) {
            failed(wire, told.reason(), told.getMessage());
        } catch (IOException | RuntimeException | OutOfMemoryError failed) {
            failed(wire, null, where + ": " + (failed.getMessage() == null ? failed : failed.getMessage()));
        } finally {
            synchronized (link) {
                call = null;
                isHeard = false;
            }
            if (wire != null) {
                endpoint.unlimit(wire);
                wire.close();
            }
        }
    }

    private void heard(TcpWire wire) {
        synchronized (link) {
            isHeard = call == wire;
        }
    }

    private void failed(TcpWire wire, TransportException.Reason reason, String problem) {
        synchronized (link) {
            if (wire != null && call != wire || link.isEnded()) {
                return;                                                  // cancelled: the peer came first
            }
            pause(problem);
            if (reason != null && reason == lastReason && reason != toldReason) {    // twice in a row: not a bit that flipped on the way
                toldReason = reason;
                isRefused = reason == FORGOTTEN;
                endpoint.tell(peer, new TransportException(reason, problem));
            }
            lastReason = reason;
        }
    }

    /// Waits longer before each call that follows a failed one, and a random part of that, so that two sides do not call in step.
    private void pause(String problem) {
        lastProblem = problem;
        nextNanos = System.nanoTime() + pauseNanos / 2 + ThreadLocalRandom.current().nextLong(pauseNanos);
        pauseNanos = Math.min(LONGEST_PAUSE_NANOS, 2 * pauseNanos);
    }
}
