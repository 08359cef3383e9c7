package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.recover.Event;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;
import java.util.function.UnaryOperator;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/// Three replicas in this process over real sockets, and others that join.
///
/// @param <L> what listens
final class Trio<L extends EventLog.Listener> implements AutoCloseable {
    /// A machine at work may stop a process for a while.
    static final int PATIENCE_SECONDS = 120;

    private static final String HOST = "127.0.0.1";

    /// One replica, its endpoint, and what listens to it.
    final class One implements Endpoint.Receiver {
        final long id;
        final L listener;
        final Endpoint endpoint;
        volatile ReplicatedLog log;
        volatile boolean alive = true;

        One(long id, L listener) {
            this.id = id;
            this.listener = listener;
            this.endpoint = Endpoint.open(HOST, 0, id, key, this);
        }

        Replica replica() {
            return new Replica(id, HOST, endpoint.port());
        }

        @Override public void received(long from, Message message) {
            ReplicatedLog now = log;
            assertTrue(now == null || now.received(from, message), "message of another kind: " + message);
        }

        @Override public void failed(long peer, TransportException why) {}

        /// As if its process were killed.
        void kill() {
            alive = false;
            endpoint.close();
            log.close();
            endpoint.close();
        }
    }

    final RunKey key = RunKey.random();
    final List<One> all = new CopyOnWriteArrayList<>();
    final List<LogRecord> complaints = new ArrayList<>();
    private final Map<List<Long>, Gate> gates = new HashMap<>();
    private final List<Replica> founders = new ArrayList<>();
    private final LongFunction<L> listeners;
    private final UnaryOperator<ReplicatedLog.Options> options;
    private final AtomicInteger closing = new AtomicInteger();
    private final Handler ear = new Handler() {
        @Override public void publish(LogRecord record) {
            if (record.getLevel().intValue() >= Level.SEVERE.intValue() && closing.get() == 0) {
                synchronized (complaints) {
                    complaints.add(record);
                }
            }
        }

        @Override public void flush() {}

        @Override public void close() {}
    };
    private long ids = 1;

    Trio(LongFunction<L> listeners, UnaryOperator<ReplicatedLog.Options> options) throws Exception {
        this.listeners = listeners;
        this.options = options;
        Logger.getLogger("io.microraft").addHandler(ear);
        for (int i = 0; i < 3; i++) {
            all.add(new One(ids, listeners.apply(ids++)));
        }
        all.forEach(each -> founders.add(each.replica()));
        for (One from : all) {
            var seen = new ArrayList<Replica>();                         // each knows the others by the gates before them
            for (One to : all) {
                if (from == to) {
                    seen.add(to.replica());
                } else {
                    var gate = new Gate(to.endpoint.port());
                    gates.put(List.of(from.id, to.id), gate);
                    seen.add(new Replica(to.id, HOST, gate.port()));
                }
            }
            from.log = ReplicatedLog.open(options.apply(ReplicatedLog.Options.of(from.replica(), seen)), from.endpoint, from.listener);
        }
    }

    /// A replica that knows nothing yet.
    One join() {
        var one = new One(ids, listeners.apply(ids++));
        one.log = ReplicatedLog.open(options.apply(ReplicatedLog.Options.of(one.replica(), founders)), one.endpoint, one.listener);
        all.add(one);
        return one;
    }

    /// Asks whoever leads, until it is done: on a busy machine that may change.
    void replace(One gone, One fresh) throws Exception {
        for (int tries = 20;; tries--) {
            try {
                leader(living().stream().filter(one -> one != fresh).toList()).log.replace(gone.id, fresh.replica()).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                return;
            } catch (ExecutionException another) {                       // leads by now
                if (tries == 0) {
                    throw another;
                }
            }
        }
    }

    void cutOff(One one, boolean off) {
        gates.forEach((way, gate) -> {
            if (way.contains(one.id)) {
                if (off) {
                    gate.shut();
                } else {
                    gate.open();
                }
            }
        });
    }

    List<One> living() {
        return all.stream().filter(each -> each.alive).toList();
    }

    /// The one of these that leads, and that the others of them follow.
    One leader(List<One> of) {
        var found = new ArrayList<One>();
        await("a leader among " + of.stream().map(each -> each.log).toList(), () -> {
            found.clear();
            long term = of.stream().mapToLong(each -> each.log.term()).max().orElseThrow();
            of.stream().filter(each -> each.log.term() == term && each.log.leader() == each.id).forEach(found::add);
            return found.size() == 1 && of.stream().allMatch(each -> each.log.leader() == found.getFirst().id && each.log.term() == term);
        });
        return found.getFirst();
    }

    One leader() {
        return leader(living());
    }

    static Event event(int number, String from) {
        return new Event.Lost(number, from);
    }

    static void await(String what, BooleanSupplier isSo) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!isSo.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, what);
            try {
                Thread.sleep(2);
            } catch (InterruptedException stopped) {
                throw new IllegalStateException(stopped);
            }
        }
    }

    /// What must be so of recorders after any test: one order, indexes and terms that grow, one leader a term, nothing broken.
    static void assertOneOrder(Trio<Recorder> trio) {
        List<List<Recorder.Applied>> applied = trio.all.stream().map(one -> one.listener.applied()).toList();
        List<Recorder.Applied> longest = applied.stream().max(Comparator.comparing(List::size)).orElseThrow();
        applied.forEach(its -> assertEquals(longest.subList(0, its.size()), its));
        var leaders = new HashSet<Long>();
        for (var one : trio.all) {
            one.listener.led().forEach(term -> assertTrue(leaders.add(term), "two led in term " + term));
            assertEquals(List.of(), one.listener.failures());
        }
        for (int i = 1; i < longest.size(); i++) {
            assertTrue(longest.get(i).index() > longest.get(i - 1).index() && longest.get(i).term() >= longest.get(i - 1).term(), longest.get(i - 1) + ", then " + longest.get(i));
        }
        assertEquals(longest.size(), longest.stream().map(Recorder.Applied::event).distinct().count(), "an event counts twice");
        synchronized (trio.complaints) {
            assertEquals(List.of(), trio.complaints.stream().map(record -> record.getMessage() + " " + record.getThrown()).toList());
        }
    }

    @Override public void close() throws Exception {
        closing.incrementAndGet();
        all.forEach(One::kill);
        for (Gate gate : gates.values()) {
            gate.close();
        }
        Logger.getLogger("io.microraft").removeHandler(ear);
    }
}
