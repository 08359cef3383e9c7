package dev.xiaolu.rank;

import dev.xiaolu.comm.Message;
import dev.xiaolu.consensus.Steering.Numbered;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import dev.xiaolu.recover.Stragglers;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/// What only the replica does that leads, from the moment on in which it does: sends orders, listens for signs of life, keeps timers, has ranks fenced. Nothing of it is needed by the next one.
///
/// On the coordinator's thread, but for [#beat], [#heard] and [#pulses].
final class Lead {
    private static final long SPEEDS_MILLIS = 1000;

    private final Coordinator coordinator;
    private final long term;
    private final Replicas replicas;
    private final Map<Long, Coordinator.Pulse> pulses = new ConcurrentHashMap<>();
    private final Set<Long> searching = new HashSet<>();         // steps for whose checkpoints an older one is looked for
    private final long begun = Coordinator.nowMillis();
    private boolean starting = true;
    private SortedMap<Long, Integer> speeds;
    private long speedsMillis;
    private Ledger.Look asked;                                   // who was asked last to look at what
    private volatile boolean over;

    Lead(Coordinator coordinator, long term) {
        this.coordinator = coordinator;
        this.term = term;
        replicas = new Replicas(coordinator, this::announce);
        speeds = coordinator.state().run().speeds();
    }

    /// Everybody is told who leads; patience with each begins anew.
    void begin() {
        for (Member member : Coordinator.everybody(coordinator.state())) {
            coordinator.post.know(member.id(), member.host(), member.port());
            pulses.put(member.id(), new Coordinator.Pulse(begun, begun, 0, 0));
        }
        announce();
    }

    private void announce() {
        Message who = coordinator.whoLeads();
        Coordinator.everybody(coordinator.state()).forEach(member -> coordinator.post.send(member.id(), who));
    }

    SortedMap<Long, Coordinator.Pulse> pulses() {
        return new TreeMap<>(pulses);
    }

    /// When this process last heard of somebody else.
    long heardMillis(long id) {
        Coordinator.Pulse pulse = pulses.get(id);
        return pulse == null ? begun : pulse.beatMillis();
    }

    /// A sign of life.
    void beat(long from, Message message) {
        long now = Coordinator.nowMillis(), done = Wire.number(message, 0), nanos = Wire.number(message, 1);
        pulses.compute(from, (_, before) -> new Coordinator.Pulse(now, before == null || done != before.done() ? now : before.progressMillis(), done, nanos));
    }

    /// Whoever tells something lives, and gets on.
    void heard(long from) {
        long now = Coordinator.nowMillis();
        pulses.compute(from, (_, before) -> new Coordinator.Pulse(now, now, before == null ? 0 : before.done(), before == null ? 0 : before.nanosPerLeaf()));
    }

    void tick(long now, boolean stoodStill) {
        if (stoodStill) {                                        // this process stood still: then it was not the others that were silent
            pulses.replaceAll((_, pulse) -> new Coordinator.Pulse(now, now, pulse.done(), pulse.nanosPerLeaf()));
        }
        State state = coordinator.state();
        if (starting && now - begun > coordinator.task.patience()) {
            starting = false;
            coordinator.append(new Event.StartDeadline());
        }
        var beats = new TreeMap<Long, Heartbeats.Beat>();
        for (Member member : Coordinator.everybody(state)) {
            Coordinator.Pulse pulse = pulses.get(member.id());
            if (pulse != null) {
                beats.put(member.id(), new Heartbeats.Beat(pulse.beatMillis(), pulse.progressMillis()));
            }
        }
        Ledger.Look look = coordinator.ledger().look();
        coordinator.task.heartbeats().late(beats, state.isOver() ? look == null ? Set.of() : Set.of(look.id()) : state.awaited(), now).forEach(late -> {
            pulses.remove(late.id());                            // once is enough
            coordinator.append(new Event.Lost(late.id(), late.why()));
        });
        if (now - speedsMillis > SPEEDS_MILLIS) {
            speedsMillis = now;
            speeds(state);
        }
        coordinator.ledger().unreadable().forEach(this::unreadable);
        replicas.tick(now, this);
    }

    /// Leaves move away from slow ranks.
    private void speeds(State state) {
        var nanos = new TreeMap<Long, Long>();
        for (Member member : state.run().members()) {
            Coordinator.Pulse pulse = pulses.get(member.id());
            if (pulse != null && pulse.nanosPerLeaf() > 0) {
                nanos.put(member.id(), pulse.nanosPerLeaf());
            }
        }
        SortedMap<Long, Integer> weights = Stragglers.weights(nanos);
        if (!weights.equals(speeds)) {
            speeds = weights;
            coordinator.append(new Event.Speeds(weights));
        }
    }

    /// Older checkpoints are read whole before one of them is begun from; that takes its time, so it is not done here.
    private void unreadable(long step) {
        if (searching.add(step)) {
            Thread.ofVirtual().start(() -> {
                long newest = coordinator.watcher.wholeBefore(step);
                coordinator.append(new Event.Damaged(step, newest));
                coordinator.later(() -> searching.remove(step));
            });
        }
    }

    /// An event counts.
    void turned(Coordinator.Turned turned) {
        if (turned.turn().event() instanceof Event.Joined(Member member, _)) {
            coordinator.post.know(member.id(), member.host(), member.port());
            heard(member.id());
            coordinator.post.send(member.id(), coordinator.whoLeads());
            if (turned.state().isOver()) {
                farewell(member.id(), "the run is over");
            }
        }
    }

    /// Carries out what the control plane wants, perhaps once more.
    void perform(Numbered numbered) {
        switch (numbered.action()) {
            case Action.Order order -> order(numbered, order);
            case Action.Refuse(long id, List<Action.Difference> differences) -> farewell(id, "refused: this rank differs from the run in " + words(differences));
            case Action.Fenced(long id) -> farewell(id, "the run has gone on without this rank");
            case Action.Fence(long id, String why) -> {
                coordinator.post.forget(id);
                pulses.remove(id);
                coordinator.member(id).ifPresent(member -> coordinator.watcher.fence(member, why));
            }
            case Action.Wait(long generation, _, _) -> Thread.ofVirtual().start(() -> {
                try {
                    Thread.sleep(coordinator.task.patience());
                    coordinator.later(() -> {
                        if (!over) {
                            coordinator.append(new Event.WaitDeadline(generation));
                        }
                    });
                } catch (InterruptedException _) {
                    Thread.currentThread().interrupt();
                }
            });
            case Action.Failed(String why) -> Coordinator.everybody(coordinator.state()).forEach(member -> farewell(member.id(), why));
            default -> { }
        }
    }

    private static String words(List<Action.Difference> differences) {
        return String.join("; ", differences.stream().map(one -> "%s: wanted %s, found %s".formatted(one.field(), one.wanted(), one.found())).toList());
    }

    private void order(Numbered numbered, Action.Order order) {
        long now = Coordinator.nowMillis();
        Ledger ledger = coordinator.ledger();
        String chain = order instanceof Action.Save save ? ledger.chains().getOrDefault(save.step(), ledger.chain().hex()) : "";
        Message message = Wire.order(numbered, chain);
        for (long id : order.to()) {
            pulses.computeIfPresent(id, (_, pulse) -> new Coordinator.Pulse(pulse.beatMillis(), now, pulse.done(), pulse.nanosPerLeaf()));
            coordinator.post.send(id, message);
        }
        switch (order) {
            case Action.Commit(_, long step, _) -> look(ledger.look(), step);
            case Action.Settled(_, List<Long> to) when ledger.look() != null && to.contains(ledger.look().id()) -> look(ledger.look(), ledger.look().step());
            case Action.Update update -> judge(update, ledger.doubt());
            default -> { }
        }
    }

    private void look(Ledger.Look look, long step) {
        if (look != null && look.step() == step && !look.equals(asked)) {
            asked = look;
            coordinator.post.send(look.id(), Wire.numbers(Wire.LOOK, step));
        }
    }

    private void judge(Action.Update update, Ledger.Doubt doubt) {
        if (doubt == null || doubt.generation() != update.generation() || doubt.step() != update.step()) {
            return;
        }
        if (doubt.again() && doubt.spike() && doubt.same()) {
            return;                                              // the run has to live with it
        }
        coordinator.append(!doubt.again() ? new Event.Doubted(doubt.step(), doubt.found())
                : new Event.Hopeless(doubt.found() + (doubt.same() ? "; a second computation, by other ranks, gave the same bits, so it is not the hardware" : "; a second computation gave other bits")));
    }

    private void farewell(long id, String why) {
        coordinator.post.send(id, Wire.text(Wire.FAREWELL, why));
    }

    /// Everything is written: the other replicas may go.
    void closed() {
        over = true;
        replicas.others().forEach(id -> coordinator.post.send(id, Wire.numbers(Wire.CLOSED)));
    }

    /// The term in which this replica leads.
    long term() {
        return term;
    }
}
