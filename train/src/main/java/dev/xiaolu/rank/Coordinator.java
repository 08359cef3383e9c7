package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
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
import dev.xiaolu.recover.Stragglers;
import dev.xiaolu.store.DigestChain;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/// The platform around the control plane: brings it what ranks say and what the clock says, and does what it wants done.
///
/// One thread turns events into actions, that of [#run]; everything else may be called from any.
final class Coordinator implements Endpoint.Receiver, AutoCloseable {
    private static final long TICK_MILLIS = 100, STOOD_STILL_MILLIS = 600, SPEEDS_MILLIS = 1000;

    /// What becomes of a run, told in order on the coordinator's thread.
    interface Watcher {
        /// An event and what followed from it.
        void turned(History.Turn turn, State state);

        /// A rank is to have no more effect; returns when it has none.
        void fence(Member member, String why);

        /// What a rank has told about the model, as JSON.
        void about(String json);

        /// What a rank has seen, as JSON.
        void seen(String json);

        /// The chain of digests of the committed steps.
        DigestChain chain();

        /// The newest step before `step` whose checkpoint can be read as it was written, -1 where there is none; called on a thread of its own.
        long wholeBefore(long step);

        /// Whether the committed step is to be looked at.
        boolean looks(long step);

        /// A tenth of a second has passed.
        void ticked(State state, SortedMap<Long, Pulse> pulses);
    }

    /// What was heard of a rank.
    ///
    /// @param beatMillis     when it last said anything
    /// @param progressMillis when it last finished something or was asked for something
    /// @param done           how much it has done
    /// @param nanosPerLeaf   how long a leaf took it; 0: not known
    record Pulse(long beatMillis, long progressMillis, long done, long nanosPerLeaf) {}

    private final Control control;
    private final Watcher watcher;
    private final UnaryOperator<Member> reach;
    private final Endpoint endpoint;
    private final Heartbeats heartbeats;
    private final long startMillis, waitMillis;
    private final LinkedBlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
    private final Map<Long, Pulse> pulses = new ConcurrentHashMap<>();
    private final Map<Long, Member> members = new TreeMap<>();   // everybody who ever joined
    private volatile State state;
    private final Set<Long> searching = new HashSet<>();         // steps for whose checkpoints an older one is looked for
    private long looking = -1;                                   // the step that somebody looks at, -1: none
    private long looker;
    private SortedMap<Long, Integer> speeds = new TreeMap<>();
    private long speedsMillis;
    private Optional<String> failure = Optional.empty();

    /// Listens at `host` and `port` for ranks with the run's key.
    ///
    /// @param patience milliseconds: for the first ranks, and for more where too few are left
    /// @param reach    where others reach a member that has said where it listens
    Coordinator(Settings settings, Heartbeats heartbeats, long patience, String host, int port, long id, RunKey key, Watcher watcher, UnaryOperator<Member> reach) {
        this.reach = reach;
        this.control = new Control(settings);
        this.watcher = watcher;
        this.heartbeats = heartbeats;
        startMillis = patience;
        waitMillis = patience;
        state = control.start();
        endpoint = Endpoint.open(host, port, id, key, this);
    }

    int port() {
        return endpoint.port();
    }

    static long nowMillis() {
        return Clock.real().nanos() / 1_000_000;
    }

    /// Steers until the run is over; gives why it failed, if it did.
    Optional<String> run() {
        long begun = nowMillis(), before = begun;
        boolean starting = true, interrupted = false;
        while (!state.isOver() || looking >= 0 && canBeSeen()) {
            try {
                Runnable next = work.poll(TICK_MILLIS, TimeUnit.MILLISECONDS);
                if (next != null) {
                    next.run();
                }
            } catch (InterruptedException _) {
                interrupted = true;                              // set again at the end: until then this thread has to wait
                turn(new Event.Stop("interrupted"));
            }
            long now = nowMillis();
            if (starting && now - begun > startMillis) {
                starting = false;
                turn(new Event.StartDeadline());
            }
            if (now - before >= TICK_MILLIS) {
                tick(now, now - before);
                before = now;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return failure;
    }

    /// Whether the one who looks is still there.
    private boolean canBeSeen() {
        return !(state instanceof State.Failed) && state.run().ids().contains(looker);
    }

    private void tick(long now, long sinceLast) {
        if (sinceLast > STOOD_STILL_MILLIS) {                    // this process stood still: then it was not the others that were silent
            pulses.replaceAll((_, pulse) -> new Pulse(now, now, pulse.done, pulse.nanosPerLeaf));
        }
        var beats = new TreeMap<Long, Heartbeats.Beat>();
        for (Member member : everybody()) {
            Pulse pulse = pulses.get(member.id());
            if (pulse != null) {
                beats.put(member.id(), new Heartbeats.Beat(pulse.beatMillis, pulse.progressMillis));
            }
        }
        heartbeats.late(beats, state.isOver() ? Set.of(looker) : state.awaited(), now).forEach(late -> lost(late.id(), late.why()));
        if (now - speedsMillis > SPEEDS_MILLIS) {
            speedsMillis = now;
            speeds();
        }
        watcher.ticked(state, new TreeMap<>(pulses));
    }

    private List<Member> everybody() {
        var all = new ArrayList<>(state.run().members());
        all.addAll(state.run().candidates());
        return all;
    }

    /// Leaves move away from slow ranks.
    private void speeds() {
        var nanos = new TreeMap<Long, Long>();
        for (Member member : state.run().members()) {
            Pulse pulse = pulses.get(member.id());
            if (pulse != null && pulse.nanosPerLeaf > 0) {
                nanos.put(member.id(), pulse.nanosPerLeaf);
            }
        }
        SortedMap<Long, Integer> weights = Stragglers.weights(nanos);
        if (!weights.equals(speeds)) {
            speeds = weights;
            turn(new Event.Speeds(weights));
        }
    }

    /// Wants the run to end after the step under way.
    void stop(String why) {
        work.add(() -> turn(new Event.Stop(why)));
    }

    /// A process is known to be gone.
    void ended(long pid, String why) {
        work.add(() -> everybody().stream().filter(member -> member.pid() == pid).findFirst().ifPresent(member -> lost(member.id(), why)));
    }

    private void lost(long id, String why) {
        if (state.isOver() && id == looker) {
            looking = -1;                                        // after the end nobody takes its place
        }
        turn(new Event.Lost(id, why));
    }

    /// The run cannot go on, for a reason that the control plane does not know.
    void fail(String why) {
        work.add(() -> {
            if (state.isOver()) {                                // what is over has not failed
                return;
            }
            failure = Optional.of(why);
            state = new State.Failed(state.run(), why);
            everybody().forEach(member -> endpoint.send(member.id(), Wire.text(Wire.FAREWELL, why)));
        });
    }

    /// What was found about the step under way is to be found a second time.
    void doubt(long step, String why) {
        work.add(() -> turn(new Event.Doubted(step, why)));
    }

    /// Does `task` on the coordinator's thread.
    void later(Runnable task) {
        work.add(task);
    }

    /// A message to a rank, in drills.
    void send(long id, Message message) {
        endpoint.send(id, message);
    }

    State state() {
        return state;
    }

    private void turn(Event event) {
        if (state.isOver()) {
            return;
        }
        Next next = control.next(state, event);
        if (event instanceof Event.Joined joined) {
            members.put(joined.member().id(), joined.member());
        }
        state = next.state();
        watcher.turned(new History.Turn(event, next.actions()), state);
        next.actions().forEach(this::perform);
    }

    private void perform(Action action) {
        switch (action) {
            case Action.Order order -> order(order);
            case Action.Refuse(long id, List<Action.Difference> differences) -> farewell(id, "refused: this rank differs from the run in " + words(differences));
            case Action.Rewound(_, long step, _) when looking > step -> looking = -1;    // it is looked at when it comes again
            case Action.Fenced(long id) -> farewell(id, "the run has gone on without this rank");
            case Action.Fence(long id, String why) -> {
                endpoint.forget(id);
                pulses.remove(id);
                if (members.containsKey(id)) {
                    watcher.fence(members.get(id), why);
                }
            }
            case Action.Wait(long generation, _, _) -> Thread.ofVirtual().start(() -> {
                try {
                    Thread.sleep(waitMillis);
                    work.add(() -> turn(new Event.WaitDeadline(generation)));
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                }
            });
            case Action.Failed(String why) -> {
                failure = Optional.of(why);
                everybody().forEach(member -> endpoint.send(member.id(), Wire.text(Wire.FAREWELL, why)));
            }
            default -> { }
        }
    }

    private static String words(List<Action.Difference> differences) {
        return String.join("; ", differences.stream().map(one -> "%s: wanted %s, found %s".formatted(one.field(), one.wanted(), one.found())).toList());
    }

    private void order(Action.Order order) {
        long now = nowMillis();
        for (long id : order.to()) {
            pulses.computeIfPresent(id, (_, pulse) -> new Pulse(pulse.beatMillis, now, pulse.done, pulse.nanosPerLeaf));
            if (order instanceof Action.Save) {
                endpoint.send(id, Wire.text(Wire.CHAIN, watcher.chain().hex()));
            }
            endpoint.send(id, Wire.text(Wire.ORDER, Lines.of(order)));
        }
        switch (order) {
            case Action.Commit(_, long step, List<Long> to) when watcher.looks(step) -> look(step, to.getFirst());
            case Action.Settled(_, List<Long> to) when looking >= 0 && !to.contains(looker) -> look(looking, to.getFirst());
            default -> { }
        }
    }

    private void look(long step, long id) {
        looking = step;
        looker = id;
        endpoint.send(id, Wire.numbers(Wire.LOOK, step));
    }

    private void farewell(long id, String why) {
        endpoint.send(id, Wire.text(Wire.FAREWELL, why));
    }

    @Override public void received(long from, Message message) {
        long now = nowMillis();
        pulses.compute(from, (_, pulse) -> beat(pulse, message, now));
        switch (message.kind()) {
            case Wire.BEAT -> endpoint.send(from, Wire.numbers(Wire.BEAT));        // so that it knows that it is heard
            case Wire.EVENT -> {
                Event event = Lines.event(Wire.text(message));
                boolean own = switch (event) {
                    case Event.Joined joined -> joined.member().id() == from;
                    case Event.FromRank said -> said.id() == from;
                    default -> false;
                };
                if (own) {
                    work.add(() -> joinAndTurn(event));
                }
            }
            case Wire.SEEN -> work.add(() -> seen(from, Wire.text(message)));
            case Wire.UNREADABLE -> work.add(() -> unreadable(Wire.number(message, 0)));
            case Wire.ABOUT -> work.add(() -> watcher.about(Wire.text(message)));
            default -> { }
        }
    }

    private void joinAndTurn(Event event) {
        if (!(event instanceof Event.Joined(Member said, SortedMap<String, String> fingerprint))) {
            turn(event);
            return;
        }
        Member member = reach.apply(said);
        endpoint.know(member.id(), member.host(), member.port());
        if (state.isOver()) {
            farewell(member.id(), "the run is over");
        }
        turn(new Event.Joined(member, fingerprint));
    }

    /// Older checkpoints are read whole before one of them is begun from; that takes its time, so it is not done here.
    private void unreadable(long step) {
        if (searching.add(step)) {
            Thread.ofVirtual().start(() -> {
                long newest = watcher.wholeBefore(step);
                work.add(() -> {
                    searching.remove(step);
                    turn(new Event.Damaged(step, newest));
                });
            });
        }
    }

    private void seen(long from, String json) {
        if (from == looker) {
            looking = -1;
            watcher.seen(json);
        }
    }

    private static Pulse beat(Pulse before, Message message, long now) {
        if (before == null) {
            return new Pulse(now, now, 0, 0);
        }
        if (message.kind() != Wire.BEAT) {
            return new Pulse(now, now, before.done, before.nanosPerLeaf);
        }
        long done = Wire.number(message, 0);
        return new Pulse(now, done == before.done ? before.progressMillis : now, done, Wire.number(message, 1));
    }

    @Override public void failed(long peer, TransportException why) {
        // signs of life decide, and they are missing then
    }

    /// Waits until farewells and last orders have arrived, and ends.
    @Override public void close() {
        everybody().forEach(member -> endpoint.drain(member.id(), java.time.Duration.ofSeconds(2)));
        endpoint.close();
    }
}
