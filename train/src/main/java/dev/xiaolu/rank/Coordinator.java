package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.consensus.EventLog;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.consensus.ReplicatedLog;
import dev.xiaolu.consensus.Steering;
import dev.xiaolu.consensus.Steering.Numbered;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Control;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.Settings;
import dev.xiaolu.recover.State;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/// One replica of the coordinator: brings the log what ranks say and what the clock says, takes every event that counts through the control plane, and does what follows where it leads ([Lead]).
///
/// The log's thread finds out what follows; what that asks for is done in order on one other thread, that of [#run]. Everything else may be called from any.
final class Coordinator implements Steering.Platform, AutoCloseable {
    private static final long TICK_MILLIS = 100, STOOD_STILL_MILLIS = 600, CLOSING_MILLIS = 15_000, LAST_MILLIS = 5000, LINGER_MILLIS = 500, LEADERLESS_MILLIS = 20_000;
    private static final Duration DRAIN = Duration.ofSeconds(2);

    /// An event that counts, what followed from it, and what it led to.
    record Turned(long index, History.Turn turn, State state, Ledger ledger) {}

    /// What becomes of a run, told in order on the coordinator's thread.
    interface Watcher {
        /// An event and what followed from it, at every replica.
        void turned(Turned turned);

        /// A tenth of a second has passed.
        ///
        /// @param pulses what was heard of ranks, where this replica leads
        /// @param speaks whether this replica leads, or nobody does yet
        void ticked(State state, Ledger ledger, SortedMap<Long, Pulse> pulses, boolean speaks);

        /// This replica leads from here on, or does no longer.
        void leads(boolean now);

        /// These are the replicas of the coordinator, and the ranks that have them. Told now and then where this replica leads and there are several.
        default void replicas(List<Replica> all, List<Member> ranks) {}

        /// A rank is to have no more effect; returns when it has none. Where this replica leads.
        void fence(Member member, String why);

        /// The newest step before `step` whose checkpoint can be read as it was written, -1 where there is none; called on a thread of its own.
        long wholeBefore(long step);

        /// The run is over: the last things are to be written. Where this replica leads.
        void closes(State state, Ledger ledger);
    }

    /// What was heard of a rank.
    ///
    /// @param beatMillis     when it last said anything
    /// @param progressMillis when it last finished something or was asked for something
    /// @param done           how much it has done
    /// @param nanosPerLeaf   how long a leaf took it; 0: not known
    record Pulse(long beatMillis, long progressMillis, long done, long nanosPerLeaf) {}

    /// What a coordinator is told.
    ///
    /// @param settings   of the control plane
    /// @param rules      of its steps
    /// @param heartbeats the patience with ranks
    /// @param patience   milliseconds: for the first ranks, and for more where too few are left
    /// @param reach      where others reach a member that has said where it listens
    record Task(Settings settings, Ledger.Rules rules, Heartbeats heartbeats, long patience, UnaryOperator<Member> reach) {}

    final Post post;
    final Task task;
    final Watcher watcher;
    final Receipts receipts = new Receipts();
    private final Steering steering;
    private final LinkedBlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
    private final List<Runnable> early = new ArrayList<>();      // what came before there is a log; guarded by itself
    private final TreeMap<Long, Member> members = new TreeMap<>();               // everybody who ever joined, as far as is known here
    private final List<Runnable> batch = new ArrayList<>();      // what follows from one call of the log; on its thread
    private volatile Charter charter;
    private volatile EventLog log;
    private volatile Lead lead;                                  // null where another leads
    private volatile State state;
    private volatile Ledger ledger;
    private Ledger newest;                                       // on the log's thread
    private long committedNanos;                                 // the same
    private volatile boolean closed;
    private Optional<String> failure = Optional.empty();
    private Throwable broken;
    private boolean ends;
    private boolean left;                                        // whether this replica has ended and others go on
    private long writtenMillis;                                  // when another has said that everything is written; 0 before
    private long ledMillis = nowMillis();

    Coordinator(Post post, Task task, Ledger ledger, Watcher watcher) {
        this.post = post;
        this.task = task;
        this.watcher = watcher;
        this.ledger = ledger;
        newest = ledger;
        steering = new Steering(new Control(task.settings()), this);
        state = steering.state();
    }

    /// Begins, or joins, the log that `opening` opens for a listener.
    void opens(Charter by, Function<EventLog.Listener, EventLog> opening) {
        charter = by;
        EventLog open = opening.apply(new Listening());
        synchronized (early) {
            log = open;
            early.forEach(Runnable::run);
            early.clear();
        }
    }

    /// What all replicas were told.
    Charter charter() {
        return charter;
    }

    /// Takes the log's events through the control plane and into the ledger.
    private final class Listening implements EventLog.Listener {
        @Override public void applied(long index, long term, Event event) {
            receipts.applied(event);
            steering.applied(index, term, event);
            handOver();
        }

        @Override public void leading(long term) {
            steering.leading(term);
            handOver();
        }

        /// At once, so that nobody ends between an event and what is to be done about it.
        private void handOver() {
            List<Runnable> all = List.copyOf(batch);
            batch.clear();
            later(() -> all.forEach(Runnable::run));
        }

        @Override public void following() {
            steering.following();
        }

        /// The ledger in the first line, then what [Steering] writes.
        @Override public byte[] snapshot() {
            byte[] first = (newest.json() + "\n").getBytes(StandardCharsets.UTF_8), rest = steering.snapshot();
            byte[] all = Arrays.copyOf(first, first.length + rest.length);
            System.arraycopy(rest, 0, all, first.length, rest.length);
            return all;
        }

        @Override public void restore(byte[] snapshot) {
            int end = 0;
            while (end < snapshot.length && snapshot[end] != '\n') {
                end++;
            }
            Ledger read = Ledger.of(new String(snapshot, 0, end, StandardCharsets.UTF_8));
            steering.restore(Arrays.copyOfRange(snapshot, Math.min(snapshot.length, end + 1), snapshot.length));
            newest = read;
            receipts.forget();
            State now = steering.state();
            work.add(() -> {
                state = now;
                ledger = read;
                everybody(now).forEach(member -> members.put(member.id(), member));
            });
        }

        @Override public void failed(Throwable why) {
            steering.failed(why);
        }
    }

    static long nowMillis() {
        return Clock.real().nanos() / 1_000_000;
    }

    /// Takes part until the run is over, and what is to be written then is; gives why it failed, if it did.
    Optional<String> run() {
        long before = nowMillis(), over = 0;
        boolean interrupted = false;
        while (!ends) {
            try {
                Runnable next = work.poll(TICK_MILLIS, TimeUnit.MILLISECONDS);
                if (next != null) {
                    next.run();
                }
            } catch (InterruptedException _) {
                interrupted = true;                              // set again at the end: until then this thread has to wait
                append(new Event.Stop("interrupted"));
            }
            if (broken != null) {
                throw new IllegalStateException(broken);
            }
            long now = nowMillis();
            if (now - before >= TICK_MILLIS) {
                tick(now, now - before > STOOD_STILL_MILLIS);
                before = now;
            }
            if (ledger.isDone(state)) {
                over = over == 0 ? now : over;
                if (lead != null) {
                    watcher.closes(state, ledger);
                    lead.closed();
                    ends = true;
                } else if (writtenMillis > 0 || now - over > CLOSING_MILLIS) {
                    ends = true;                                 // where nobody says that all is written, whoever looks finds what there is
                }
            } else if (writtenMillis > 0 && now - writtenMillis > LAST_MILLIS) {
                ends = true;                                     // the last events have not come here, and nobody is left who has them
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return failure.or(() -> state instanceof State.Failed(_, String why) ? Optional.of(why) : Optional.empty());
    }

    private void tick(long now, boolean stoodStill) {
        Lead leading = lead;
        EventLog open = log;
        if (leading != null) {
            leading.tick(now, stoodStill);
        } else if (open != null && open.leader() != Endpoint.NOBODY) {
            post.send(open.leader(), Wire.numbers(Wire.BEAT, 0, 0));
        }
        if (leading != null || open == null || open.leader() != Endpoint.NOBODY || stoodStill) {
            ledMillis = now;
        } else if (now - ledMillis > LEADERLESS_MILLIS) {
            failHere("too many of the run's coordinators were lost at once: none has led for %d s".formatted(LEADERLESS_MILLIS / 1000));
        }
        watcher.ticked(state, ledger, leading == null ? new TreeMap<>() : leading.pulses(), leading != null || open == null);
    }

    /// Members, and those who have joined and have no part yet.
    static List<Member> everybody(State state) {
        var all = new ArrayList<>(state.run().members());
        all.addAll(state.run().candidates());
        return all;
    }

    /// Something has happened; counts sooner or later, wherever the log leads.
    void append(Event event) {
        append(() -> log.append(event));
    }

    private void append(Runnable appending) {
        if (log == null) {
            synchronized (early) {
                if (log == null) {
                    early.add(appending);
                    return;
                }
            }
        }
        appending.run();
    }

    /// Wants the run to end after the step under way.
    void stop(String why) {
        append(new Event.Stop(why));
    }

    /// A process is known to be gone.
    void ended(long pid, String why) {
        later(() -> everybody(state).stream().filter(member -> member.pid() == pid).findFirst().ifPresent(member -> append(new Event.Lost(member.id(), why))));
    }

    /// The run cannot go on, for a reason that the control plane does not know.
    void fail(String why) {
        later(() -> {
            if (log != null) {
                append(new Event.Hopeless(why));
            } else {
                failHere(why);
            }
        });
    }

    /// Where there is no log that could tell others, too.
    private void failHere(String why) {
        failure = Optional.of(why);
        state = new State.Failed(state.run(), why);
        watcher.closes(state, ledger);
        everybody(state).forEach(member -> post.send(member.id(), Wire.text(Wire.FAREWELL, why)));
        ends = true;
    }

    /// Does `task` on the coordinator's thread.
    void later(Runnable what) {
        work.add(what);
    }

    State state() {
        return state;
    }

    Ledger ledger() {
        return ledger;
    }

    /// The log, null before it is open.
    EventLog log() {
        return log;
    }

    /// Who leads, as far as is known here.
    long leader() {
        EventLog open = log;
        return open == null ? Endpoint.NOBODY : open.leader();
    }

    @Override public void happened(long index, Event event, Next next) {
        var turn = new History.Turn(event, next.actions());
        long now = Clock.real().nanos();
        double seconds = committedNanos == 0 ? 0 : (now - committedNanos) * 1e-9;
        for (Action action : next.actions()) {
            if (action instanceof Action.Committed || action instanceof Action.Compute && committedNanos == 0) {
                committedNanos = now;
            }
        }
        newest = newest.after(turn, next.state(), seconds, task.rules());
        var turned = new Turned(index, turn, next.state(), newest);
        batch.add(() -> turned(turned));
    }

    private void turned(Turned now) {
        state = now.state;
        ledger = now.ledger;
        if (now.turn.event() instanceof Event.Joined(Member member, _)) {
            members.put(member.id(), member);
        }
        watcher.turned(now);
        Lead leading = lead;
        if (leading != null) {
            leading.turned(now);
        }
    }

    @Override public void perform(Numbered action) {
        batch.add(() -> {
            Lead leading = lead;
            if (leading != null) {
                leading.perform(action);
            }
        });
    }

    /// The member of this id, lost or not; empty where it joined before this replica did and was lost.
    Optional<Member> member(long id) {
        return Optional.ofNullable(members.get(id));
    }

    @Override public void leading(long term, State now) {
        batch.add(() -> {
            lead = new Lead(this, term);
            watcher.leads(true);
            lead.begin();
        });
    }

    @Override public void following() {
        later(() -> {
            lead = null;
            watcher.leads(false);
        });
    }

    @Override public void failed(Throwable why) {
        later(() -> {
            if (log instanceof ReplicatedLog) {
                left = true;
                ends = true;
            }
            broken = log instanceof ReplicatedLog ? null : why;
            failure = Optional.of("this process has no part in the coordination of the run any more, which goes on without it (%s)".formatted(why.getMessage()));
        });
    }

    /// Whether others go on without this replica.
    boolean hasLeft() {
        return left;
    }

    /// Looks at a message; false where it is none for a coordinator. Returns at once.
    boolean received(long from, Message message) {
        EventLog open = log;
        if (open instanceof ReplicatedLog replicated && replicated.received(from, message)) {
            return true;
        }
        switch (message.kind()) {
            case Wire.BEAT -> beat(from, message);
            case Wire.EVENT -> event(from, Wire.number(message, 0), Lines.event(Wire.text(message)));
            case Wire.CLOSED -> later(() -> writtenMillis = nowMillis());
            default -> {
                return false;
            }
        }
        return true;
    }

    private void beat(long from, Message message) {
        Lead leading = lead;
        if (leading != null) {
            leading.beat(from, message);
            post.send(from, Wire.numbers(Wire.HEARD, receipts.counted(from)));           // so that it knows that it is heard
        } else {
            post.send(from, whoLeads());
        }
    }

    private void event(long from, long number, Event said) {
        Event event = said instanceof Event.Joined(Member member, SortedMap<String, String> fingerprint) && member.id() == from ? new Event.Joined(reached(member), fingerprint) : said;
        boolean own = switch (event) {
            case Event.Joined joined -> joined.member().id() == from;
            case Event.FromRank message -> message.id() == from;
            case Event.Noted noted -> noted.id() == from;
            default -> false;
        };
        Lead leading = lead;
        if (own && leading != null) {
            leading.heard(from);
        }
        if (own) {
            append(() -> {
                synchronized (receipts) {                        // both in one order
                    receipts.appended(from, number, event);
                    log.append(event);
                }
            });
        }
    }

    private Member reached(Member said) {
        Member member = task.reach().apply(said);
        post.know(member.id(), member.host(), member.port());
        return member;
    }

    /// Where the replicas are, and which of them leads.
    Message whoLeads() {
        EventLog open = log;
        String lines = replicas(open).stream().map(Liaison::line).collect(Collectors.joining("\n"));
        return Wire.numbered(Wire.LEADS, lines, open == null ? Endpoint.NOBODY : open.leader(), open == null || open.leader() == Endpoint.NOBODY ? 0 : open.term());
    }

    private static List<Replica> replicas(EventLog open) {
        return open instanceof ReplicatedLog replicated ? replicated.members(false) : List.of();
    }

    /// Waits until farewells and last orders have arrived, and ends.
    @Override public void close() {
        if (closed) {
            return;
        }
        closed = true;
        everybody(state).forEach(member -> post.drain(member.id(), DRAIN));
        EventLog open = log;
        if (open instanceof ReplicatedLog && lead != null) {
            linger();
        }
        if (open != null) {
            open.close();
        }
    }

    /// The others are told with the next sign of life that the last events count.
    private static void linger() {
        try {
            Thread.sleep(LINGER_MILLIS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
