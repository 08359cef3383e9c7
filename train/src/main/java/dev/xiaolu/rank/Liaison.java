package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/// A rank's line to the coordinator: finds out which replica leads, tells it what happens, and tells whoever leads next what does not count yet; gives signs of life.
///
/// Thread-safe.
final class Liaison implements AutoCloseable {
    private static final long BEAT_MILLIS = 200;
    private static final long ASKS_NANOS = 500_000_000L;         // so long without an answer, and all replicas are asked who leads
    private static final long GRACE_NANOS = 5_000_000_000L;      // for a network that spoils a handshake now and then
    private static final long STOOD_STILL_NANOS = 1_000_000_000L;
    private static final long LEADERLESS_NANOS = 20_000_000_000L;

    private final Post post;
    private final boolean several;
    private final Deque<Told> unheard = new ArrayDeque<>();      // oldest first
    private final Map<Long, Replica> replicas = new LinkedHashMap<>();
    private final Thread beats;
    private final AtomicLong progress, nanosPerLeaf;
    private long number;
    private volatile long leader, term, heardNanos = Clock.real().nanos(), troubleNanos;
    private volatile String trouble;                             // why the leader was not reached last; null once it is heard again

    /// An event and its number.
    private record Told(long number, String line) {}

    /// @param first        the replica in the launching process, which is asked first who leads
    /// @param others       replicas that are known already, where the first may be gone
    /// @param several      whether there are more, of which another may come to lead
    /// @param progress     how much this rank has done
    /// @param nanosPerLeaf how long a leaf took
    Liaison(Post post, Replica first, List<Replica> others, boolean several, AtomicLong progress, AtomicLong nanosPerLeaf) {
        this.post = post;
        this.several = several;
        this.progress = progress;
        this.nanosPerLeaf = nanosPerLeaf;
        leader = first.id();
        know(first);
        others.forEach(this::know);
        beats = Thread.ofPlatform().daemon().name("xiaolu-beats").start(this::beat);
    }

    /// The replica in the launching process, as a worker is told.
    static Replica first(Contract contract) {
        return new Replica(Contract.coordinator(contract.runId()), Contract.host(contract.rendezvous()), Contract.port(contract.rendezvous()));
    }

    private void know(Replica replica) {
        replicas.put(replica.id(), replica);
        post.know(replica.id(), replica.host(), replica.port());
    }

    /// Whether orders of this process are to be followed; which of them are old their numbers tell.
    synchronized boolean isReplica(long id) {
        return replicas.containsKey(id);
    }

    /// Who leads, as far as is known here.
    long leader() {
        return leader;
    }

    /// Tells the coordinator; kept until it counts.
    synchronized void tell(Event event) {
        var told = new Told(++number, Lines.of(event));
        unheard.add(told);
        send(told);
    }

    private void send(Told told) {
        post.send(leader, Wire.numbered(Wire.EVENT, told.line, told.number));
    }

    private void beat() {
        try {
            long before = Clock.real().nanos();
            while (true) {
                long now = Clock.real().nanos();
                if (now - before > STOOD_STILL_NANOS) {          // this process stood still: then it was not the others that were silent
                    heardNanos = now;
                }
                before = now;
                Message beat = Wire.numbers(Wire.BEAT, progress.get(), nanosPerLeaf.get());
                post.send(leader, beat);
                if (several && Clock.real().nanos() - heardNanos > ASKS_NANOS) {
                    others().forEach(id -> post.send(id, beat));
                }
                Thread.sleep(BEAT_MILLIS);
            }
        } catch (InterruptedException _) {
            // the end
        }
    }

    private synchronized List<Long> others() {
        var ids = new ArrayList<>(replicas.keySet());
        ids.remove(leader);
        return ids;
    }

    /// Looks at a message; false where it is none of its own.
    boolean received(long from, Message message) {
        switch (message.kind()) {
            case Wire.HEARD -> heard(from, Wire.number(message, 0));
            case Wire.LEADS -> leads(Wire.number(message, 0), Wire.number(message, 1), Wire.text(message), from);
            default -> {
                return false;
            }
        }
        return true;
    }

    private synchronized void heard(long from, long counted) {
        if (from == leader) {
            heardNanos = Clock.real().nanos();
            trouble = null;
            while (!unheard.isEmpty() && unheard.peek().number <= counted) {
                unheard.remove();
            }
        }
    }

    private synchronized void leads(long who, long inTerm, String lines, long from) {
        if (inTerm < term) {
            return;
        }
        lines.lines().map(Liaison::replica).filter(replica -> !replicas.containsKey(replica.id())).forEach(this::know);
        if (who == Endpoint.NOBODY) {
            if (term == 0) {                                     // it has not begun
                heardNanos = Clock.real().nanos();
                trouble = null;
            }
            return;
        }
        boolean another = who != leader;
        term = inTerm;
        if (another && (replicas.containsKey(who) || who == from)) {
            leader = who;
            trouble = null;
            unheard.forEach(this::send);
            post.send(who, Wire.numbers(Wire.BEAT, progress.get(), nanosPerLeaf.get()));
        }
    }

    /// A replica as a line of text, and back.
    static String line(Replica replica) {
        return "%d %s %d".formatted(replica.id(), replica.host(), replica.port());
    }

    static Replica replica(String line) {
        String[] words = line.split(" ");
        return new Replica(Long.parseLong(words[0]), words[1], Integer.parseInt(words[2]));
    }

    /// A peer is not heard.
    void failed(long peer, TransportException why) {
        if (peer == leader) {
            troubleNanos = Clock.real().nanos();
            trouble = why.getMessage();
        }
    }

    /// The leader has said something.
    void heardOf(long from) {
        if (from == leader) {
            trouble = null;
        }
    }

    /// Why no coordinator is within reach, or null.
    String lost() {
        String why = trouble;
        long now = Clock.real().nanos();
        if (several && term > 0) {
            return now - heardNanos > LEADERLESS_NANOS ? "no coordinator has led for %d s".formatted((now - heardNanos) / 1_000_000_000L) : null;
        }
        return why != null && now - troubleNanos > GRACE_NANOS ? "the coordinator is out of reach: " + why : null;
    }

    /// No signs of life any more.
    @Override public void close() {
        beats.interrupt();
    }
}
