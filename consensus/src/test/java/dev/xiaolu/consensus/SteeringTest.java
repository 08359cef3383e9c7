package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.consensus.Steering.Numbered;
import dev.xiaolu.recover.Control;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.HistoryCheck;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.Run;
import dev.xiaolu.recover.Settings;
import dev.xiaolu.recover.State;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The whole control plane on three replicas, with ranks that work and leaders that are killed.
@Timeout(600)
class SteeringTest {
    private static final int STEPS = 30;

    /// What one replica does: sends the orders of the leader after a while, unless it is killed before.
    private static final class Desk implements EventLog.Listener, Steering.Platform {
        final TreeMap<Long, History.Turn> turns = new TreeMap<>();
        final List<Throwable> failures = new ArrayList<>();
        final List<Numbered> performed = new ArrayList<>();
        final Steering steering;
        volatile State state;
        volatile boolean dead, leads;
        volatile int restores;
        private final Fleet fleet;
        private final LinkedBlockingQueue<Numbered> outgoing = new LinkedBlockingQueue<>();
        private final Random random;

        Desk(long id, Fleet fleet, Settings settings) {
            this.fleet = fleet;
            this.random = new Random(id);
            this.steering = new Steering(new Control(settings), this);
            this.state = new Control(settings).start();
            Thread.ofVirtual().start(this::send);
        }

        private void send() {
            try {
                while (!dead) {
                    Numbered next = outgoing.poll(50, TimeUnit.MILLISECONDS);
                    if (next != null) {
                        Thread.sleep(random.nextInt(3));
                        if (!dead) {
                            fleet.carry(next);
                        }
                    }
                }
            } catch (InterruptedException stopped) {
                throw new IllegalStateException(stopped);
            }
        }

        @Override public void perform(Numbered action) {
            performed.add(action);
            outgoing.add(action);
        }

        @Override public void leading(long term, State now) {
            leads = true;
        }

        @Override public void happened(long index, Event event, Next next) {
            state = next.state();
            synchronized (turns) {
                turns.put(index, new History.Turn(event, next.actions()));
            }
            if (leads && !dead) {
                fleet.counts(event);
            }
        }

        @Override public void applied(long index, long term, Event event) {
            steering.applied(index, term, event);
        }

        @Override public void leading(long term) {
            steering.leading(term);
        }

        @Override public void following() {
            if (leads) {
                leads = false;
                steering.following();
            }
        }

        @Override public byte[] snapshot() {
            return steering.snapshot();
        }

        @Override public void restore(byte[] snapshot) {
            restores++;
            steering.restore(snapshot);
        }

        @Override public void failed(Throwable why) {
            failures.add(why);
        }
    }

    @Test void aRunWhoseLeadersAreKilledEndsInTheBitsOfACalmOne() throws Exception {
        var random = new Random(11);
        var world = new AtomicReference<Trio<Desk>>();
        try (var fleet = new Fleet(STEPS, event -> {
            List<Trio<Desk>.One> living = world.get().living();
            living.get(random.nextInt(living.size())).log.append(event);
        })) {
            var settings = new Settings(4, 2, 2, 0, true, Fleet.FINGERPRINT, fleet);
            try (var trio = new Trio<>(id -> new Desk(id, fleet, settings), options -> options.withSnapshotEvery(60))) {
                world.set(trio);
                for (long id = 1; id <= 4; id++) {
                    fleet.join(id);
                }
                int kills = 0;
                for (int committed : new int[] {3, 7, 12, 16, 22}) {
                    Trio.await("step " + committed + " of " + trio.leader().listener.state, () -> fleet.faults.isEmpty() ? fleet.committedWeights.containsKey((long) committed) : true);
                    assertEquals(List.of(), fleet.faults);
                    var leader = trio.leader();
                    leader.listener.dead = true;
                    leader.kill();
                    kills++;
                    trio.leader();
                    var fresh = trio.join();
                    if (kills == 2) {
                        fleet.join(5);
                    }
                    if (kills == 3) {
                        fleet.ranks.get(2L).alive = false;
                        fresh.log.append(new Event.Lost(2, "killed"));
                    }
                    trio.replace(leader, fresh);
                    assertTrue(fresh.listener.restores > 0);
                }
                Trio.await("the end", () -> !fleet.faults.isEmpty() || trio.living().stream().allMatch(one -> one.listener.state.isOver()));
                assertEquals(List.of(), fleet.faults);
                check(trio, fleet, settings);
            }
        }
    }

    private static void check(Trio<Desk> trio, Fleet fleet, Settings settings) {
        var turns = new TreeMap<Long, History.Turn>();
        trio.all.forEach(one -> {
            synchronized (one.listener.turns) {
                one.listener.turns.forEach((index, turn) -> {
                    History.Turn before = turns.putIfAbsent(index, turn);
                    assertTrue(before == null || before.equals(turn), "index %d: %s and %s".formatted(index, before, turn));
                });
            }
            assertEquals(List.of(), one.listener.failures);
        });
        var history = new History(new ArrayList<>(turns.values()));
        assertEquals(List.of(), HistoryCheck.faults(fleet, 0, history));
        var control = new Control(settings);
        assertEquals(history.lines(), History.replay(control, history.turns().stream().map(History.Turn::event).toList()).lines());
        State state = control.start();
        for (History.Turn turn : history.turns()) {
            state = control.next(state, turn.event()).state();
        }
        long last = turns.lastKey();
        for (var one : trio.living()) {
            Trio.await("the last event", () -> one.listener.turns.lastKey() == last);
            assertEquals(state, one.listener.state, "replica " + one.id);
        }
        Run run = assertInstanceOf(State.Ended.class, state).run();
        assertEquals(STEPS, run.committed());
        assertEquals(STEPS, fleet.committedWeights.size());
        fleet.committedWeights.forEach((step, weights) -> assertEquals(fleet.calmWeights(step), weights, "step " + step));
        fleet.checkpoints.forEach((step, weights) -> assertEquals(fleet.calmWeights(step), weights, "checkpoint " + step));
        int doubles = fleet.ranks.values().stream().mapToInt(rank -> rank.doubles).sum();
        assertTrue(doubles > 0, "no new leader said an order again");
        System.out.printf("%d events, %d orders came once more, %d ignored%n", turns.size(), doubles, run.ignored());
        synchronized (trio.complaints) {
            assertEquals(List.of(), trio.complaints.stream().map(record -> record.getMessage() + " " + record.getThrown()).toList());
        }
    }

    @Test void aSnapshotHoldsTheStateAndWhatIsOpenAndATornOneIsRefused() {
        try (var fleet = new Fleet(STEPS, _ -> {})) {
            var settings = new Settings(1, 1, 1, 0, true, Fleet.FINGERPRINT, fleet);
            var first = new Desk(1, fleet, settings);
            first.dead = true;
            first.applied(5, 1, new Event.Joined(new Member(1, "h", 1, 1), Fleet.FINGERPRINT));
            first.applied(7, 1, new Event.Ready(1, 1));
            assertEquals(List.of(), first.performed, "who follows does nothing");
            String text = new String(first.snapshot(), StandardCharsets.UTF_8);
            assertEquals(Lines.of(first.state), text.lines().findFirst().orElseThrow());
            var second = new Desk(2, fleet, settings);
            second.dead = true;
            second.restore(first.snapshot());
            assertEquals(text, new String(second.snapshot(), StandardCharsets.UTF_8));
            second.leading(3);
            assertEquals(List.of("5 0 Layout", "7 0 Settled", "7 1 Compute"), told(second));
            assertEquals(text.lines().skip(1).map(line -> Lines.action(line.split(" ", 3)[2])).toList(), second.performed.stream().map(Numbered::action).toList());
            second.applied(9, 3, new Event.Computed(1, 1, 1, IntStream.range(0, 8).mapToObj(leaf -> new Leaf(leaf, false, 0, 0)).toList()));
            assertEquals(List.of("5 0 Layout", "7 0 Settled", "7 1 Compute", "9 0 Reduce"), told(second));
            second.following();
            second.applied(10, 4, new Event.Reduced(1, 1, 1, List.of(1L, 8L)));
            assertEquals(4, second.performed.size());
            second.applied(11, 4, new Event.Staged(1, 1, 1, new TreeMap<>()));
            second.performed.clear();
            second.leading(5);
            assertEquals(List.of("11 0 Committed", "11 1 Commit", "11 2 Compute"), told(second), "what everybody has had is done with");
            for (String torn : List.of("", "Ended", text.substring(0, 40), text + "8", text + "8 x Settled generation=1 to=[1]")) {
                var third = new Desk(3, fleet, settings);
                third.dead = true;
                assertThrows(IllegalArgumentException.class, () -> third.restore(torn.getBytes(StandardCharsets.UTF_8)), torn);
                assertEquals(new Control(settings).start(), third.state);
            }
        }
    }

    private static List<String> told(Desk desk) {
        return desk.performed.stream().map(each -> "%d %d %s".formatted(each.index(), each.place(), each.action().getClass().getSimpleName())).toList();
    }
}
