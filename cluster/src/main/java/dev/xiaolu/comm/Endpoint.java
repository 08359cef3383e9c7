package dev.xiaolu.comm;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.platform.InputException;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;

/// One process's place in a mesh: listens, and holds one link to each peer it talks to.
///
/// Messages to a peer come in two classes. A small one (head and body up to [Message#SMALL_BYTES]) travels in one frame and may overtake large ones, which are cut
/// into chunks. Within a class the order of [#send] is kept; between the classes it is not. Each message is delivered exactly once as long as both processes live, however
/// often the connection breaks and is made again. Ids are fresh for each start of a process: a process that was killed comes back as another peer.
///
/// Thread-safe. `docs/protocol.md` has the frames, the handshake, and what is not guaranteed.
public final class Endpoint implements AutoCloseable {
    /// Stands for the peer in [Receiver#failed] where a connection that was refused has not proved who it is.
    public static final long NOBODY = Long.MIN_VALUE;

    /// Bytes a pair may have on the way before [#send] blocks.
    public static final long WINDOW_BYTES = 64L << 20;

    /// How many notices of refused strangers may wait for the receiver; more are only counted, and none stands in the way of a notice of a peer.
    private static final int MOST_NOTICES_OF_STRANGERS = 256;
    private static final long TICK_MILLIS = 50, STOOD_STILL_NANOS = TimeUnit.SECONDS.toNanos(2);

    /// An id for a process that starts: positive, and never the same twice.
    public static long freshId() {
        return new SecureRandom().nextLong() >>> 1 | 1;
    }

    /// What comes in. An endpoint calls it from threads of its own.
    public interface Receiver {
        /// A message has come. One call at a time for each peer; the next message waits until it returns, and so, once the window is full, does the sender: hand over
        /// what takes long, and do not [#send] large answers from here, since two sides that wait for each other's window wait for ever.
        void received(long from, Message message);

        /// A peer is not heard, or somebody was refused ([#NOBODY]). One call at a time. Told once until the peer is heard again; nothing is thrown away and trying goes
        /// on until [#forget].
        void failed(long peer, TransportException why);
    }

    /// Where an endpoint listens, who it is, and how patient it is.
    ///
    /// @param host the address to listen on; a loopback address is reached from this host alone
    /// @param port 0 for any that is free
    /// @param self this process, other than [#NOBODY]
    /// @param windowBytes how many bytes of messages to one peer may be on the way before [#send] blocks; one message more is always let in whole
    /// @param unreachableAfter how long a peer may be without a connection before it is reported
    /// @param silence how long a connection may bring nothing before it is made anew; signs of life are sent ten times as often
    /// @param handshake how long connecting and proving the key may take, each
    public record Options(String host, int port, long self, RunKey key, long windowBytes, Duration unreachableAfter, Duration silence, Duration handshake) {
        public Options {
            check(self != NOBODY, "Endpoint: the id %d stands for nobody, wanted any other", self);
            check(windowBytes > 0, "Endpoint: the window has %d bytes, wanted a positive number", windowBytes);
        }

        /// The usual patience: a window of 64 MiB, 10 s until a peer counts as unreachable, 10 s of silence, 5 s for a handshake.
        public static Options of(String host, int port, long self, RunKey key) {
            return new Options(host, port, self, key, WINDOW_BYTES, Duration.ofSeconds(10), Duration.ofSeconds(10), Duration.ofSeconds(5));
        }

        public Options withWindowBytes(long bytes) {
            return new Options(host, port, self, key, bytes, unreachableAfter, silence, handshake);
        }

        public Options withUnreachableAfter(Duration limit) {
            return new Options(host, port, self, key, windowBytes, limit, silence, handshake);
        }

        public Options withSilence(Duration limit) {
            return new Options(host, port, self, key, windowBytes, unreachableAfter, limit, handshake);
        }

        public Options withHandshake(Duration limit) {
            return new Options(host, port, self, key, windowBytes, unreachableAfter, silence, limit);
        }
    }

    /// What has happened so far.
    ///
    /// @param connected connections made, the first to a peer and those after a break
    /// @param badFrames frames that were not what the peer sent; each has ended its connection
    /// @param refused connections from outside that did not prove the key, or said nothing in time
    public record Counts(long connected, long badFrames, long refused) {}

    enum Event { CONNECTED, BAD_FRAME, REFUSED }

    final Options options;
    final RunKey key;
    final Receiver receiver;
    final ChunkPool pool;

    private final Listener listener;
    private final Map<Long, Link> links = new ConcurrentHashMap<>();
    private final Set<Long> forgotten = ConcurrentHashMap.newKeySet();
    private final Map<Wire, Long> limits = new ConcurrentHashMap<>();
    private final LinkedBlockingQueue<Runnable> notices = new LinkedBlockingQueue<>();
    private final Semaphore noticesOfStrangers = new Semaphore(MOST_NOTICES_OF_STRANGERS);
    private final AtomicLongArray counts = new AtomicLongArray(Event.values().length);
    private volatile boolean closed;

    private Endpoint(Options options, Receiver receiver, ServerSocketChannel server) {
        this.options = options;
        this.key = options.key;
        this.receiver = receiver;
        this.listener = new Listener(this, server);
        this.pool = new ChunkPool(options.windowBytes);
    }

    /// Listens at `host` and `port` (0: any that is free) as process `self`. An address that cannot be had is an [InputException].
    public static Endpoint open(String host, int port, long self, RunKey key, Receiver receiver) {
        return open(Options.of(host, port, self, key), receiver);
    }

    /// The same with all options.
    public static Endpoint open(Options options, Receiver receiver) {
        try {
            var endpoint = new Endpoint(options, receiver, Listener.bind(options.host, options.port));
            endpoint.thread("accept", endpoint.listener::accept);
            endpoint.thread("watch", endpoint::watch);
            endpoint.thread("notices", endpoint::notices);
            return endpoint;
        } catch (IOException | RuntimeException failed) {
            throw new InputException("cannot listen at %s:%d: %s; give an address of this host and a port that is free, or port 0".formatted(options.host, options.port,
                    failed.getMessage() == null ? "no host is named so" : failed.getMessage()), failed);
        }
    }

    private void thread(String role, Runnable work) {
        Thread.ofPlatform().daemon().name("xiaolu-%s-%d".formatted(role, self())).start(work);
    }

    /// The port this endpoint listens at.
    public int port() {
        return listener.port();
    }

    /// The id of this process.
    public long self() {
        return options.self;
    }

    /// Tells where a peer listens. Both sides may call; whoever needs the link dials, and one connection for each pair survives. A new address replaces the old one.
    public void know(long peer, String host, int port) {
        Link link = link(peer);
        if (link != null) {
            link.know(host, port);
        }
    }

    /// Queues a message; ordered within its class and delivered exactly once as long as both processes live. What is in it is copied: the caller may change it afterwards.
    ///
    /// Blocks while more than the window is on the way to that peer, which includes what its receiver has not yet returned from; not interruptible. Returns false at once,
    /// or wakes with false, when the peer was forgotten or this endpoint closed. A peer whose address is not known yet gets its messages once it is, or when it calls.
    public boolean send(long peer, Message message) {
        Link link = link(peer);
        return link != null && link.send(message);
    }

    /// Waits until the receiver of `peer` has returned from every message queued so far; false when the time is over, or the peer is forgotten. For an orderly end.
    public boolean drain(long peer, Duration patience) {
        Link link = links.get(peer);
        return link == null ? !forgotten.contains(peer) : link.drain(System.nanoTime() + patience.toNanos());
    }

    /// Drops a peer for good (it is dead or fenced): its queue is thrown away, senders wake up, its connection is closed and later ones with that id are refused.
    /// Nothing of it is received any more, but for a call of the receiver that is under way.
    public void forget(long peer) {
        forgotten.add(peer);
        Link link = links.remove(peer);
        if (link != null) {
            link.end();
        }
    }

    /// What has happened so far.
    public Counts counts() {
        return new Counts(counts.get(Event.CONNECTED.ordinal()), counts.get(Event.BAD_FRAME.ordinal()), counts.get(Event.REFUSED.ordinal()));
    }

    /// Ends everything at once; what peers have not confirmed is lost, see [#drain].
    @Override public void close() {
        closed = true;
        listener.close();
        limits.keySet().forEach(Wire::close);
        links.values().forEach(Link::end);
        notices.offer(() -> {});                                         // wakes the thread, which then ends
    }

    /// The link to a peer, made where it is missing; null where there shall be none.
    Link link(long peer) {
        check(peer != self() && peer != NOBODY, "Endpoint %d: %d is no peer of it", self(), peer);
        while (true) {
            if (closed || forgotten.contains(peer)) {
                return null;
            }
            Link link = links.get(peer);
            if (link != null) {
                return link;
            }
            Link fresh = new Link(this, peer);
            if (links.putIfAbsent(peer, fresh) == null) {
                fresh.start();
                if (closed || forgotten.contains(peer)) {                // between the question above and now
                    links.remove(peer);
                    fresh.end();
                }
            }
        }
    }

    /// Closes `wire` unless [#unlimit] comes in time: a blocking channel knows no time limit of its own.
    void limit(Wire wire) {
        limits.put(wire, System.nanoTime() + options.handshake.toNanos());
        if (closed) {
            wire.close();
        }
    }

    void unlimit(Wire wire) {
        limits.remove(wire);
    }

    private void watch() {
        long before = System.nanoTime();
        while (!closed) {
            pause();
            long now = System.nanoTime();
            boolean stoodStill = now - before > STOOD_STILL_NANOS;       // this process was stopped: then it was not the others that were silent
            before = now;
            limits.forEach((wire, end) -> {
                if (now - end > 0) {
                    wire.close();
                }
            });
            links.values().forEach(link -> link.check(now, stoodStill));
        }
    }

    static void pause() {
        try {
            Thread.sleep(TICK_MILLIS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    void count(Event event) {
        counts.incrementAndGet(event.ordinal());
    }

    boolean isClosed() {
        return closed;
    }

    /// Tells the receiver, from a thread that holds no lock.
    void tell(long peer, TransportException why) {
        if (peer != NOBODY) {
            notices.add(() -> receiver.failed(peer, why));
        } else if (noticesOfStrangers.tryAcquire()) {
            notices.add(() -> {
                noticesOfStrangers.release();
                receiver.failed(peer, why);
            });
        }
    }

    private void notices() {
        while (!closed) {
            try {
                notices.take().run();
            } catch (InterruptedException _) {
                return;
            } catch (Throwable failed) {                                 // the receiver's fault, which shall not keep later notices back
                Thread.currentThread().getUncaughtExceptionHandler().uncaughtException(Thread.currentThread(), failed);
            }
        }
    }

    @Override public String toString() {
        return "endpoint %d at %s:%d".formatted(self(), options.host, port());
    }
}
