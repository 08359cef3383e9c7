package dev.xiaolu.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Control;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.HistoryCheck;
import dev.xiaolu.recover.Next;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Control planes with one fault each: the simulation must find it wherever it shows.
class BrokenControlTest {
    private static Scenario scenario(long seed) {
        return new Scenario(6, 8, 12, EnumSet.allOf(FaultKind.class), seed);
    }

    /// A fault: what becomes of an action; the action itself where it does not show.
    private record Fault(String what, BiFunction<Event, Action, List<Action>> change) {
        @Override public String toString() {
            return what;
        }
    }

    private static Fault dropped(Class<? extends Action> kind) {
        return new Fault("never says " + kind.getSimpleName(), (_, action) -> kind.isInstance(action) ? List.of() : List.of(action));
    }

    private static TreeMap<Long, List<Integer>> holders(Action.Reduce reduce, long of, List<Integer> leaves) {
        var holders = new TreeMap<>(reduce.holders());
        holders.put(of, leaves);
        return holders;
    }

    static Stream<Fault> faults() {
        return Stream.of(dropped(Action.Fence.class), dropped(Action.Settled.class), dropped(Action.Update.class), dropped(Action.Commit.class), dropped(Action.Rewound.class), dropped(Action.Layout.class),
                new Fault("counts a leaf twice", (_, action) -> {
                    if (!(action instanceof Action.Reduce reduce) || reduce.holders().size() < 2) {
                        return List.of(action);
                    }
                    var more = new ArrayList<>(reduce.holders().lastEntry().getValue());
                    more.add(0);
                    return List.of(new Action.Reduce(reduce.generation(), reduce.step(), holders(reduce, reduce.holders().lastKey(), more)));
                }),
                new Fault("loses a leaf", (_, action) -> {
                    if (!(action instanceof Action.Reduce reduce) || reduce.holders().firstEntry().getValue().isEmpty()) {
                        return List.of(action);
                    }
                    List<Integer> leaves = reduce.holders().firstEntry().getValue();
                    return List.of(new Action.Reduce(reduce.generation(), reduce.step(), holders(reduce, reduce.holders().firstKey(), leaves.subList(1, leaves.size()))));
                }),
                new Fault("adds one to a total", (_, action) -> action instanceof Action.Update(long g, long step, List<Long> totals, List<Long> to)
                        ? List.of(new Action.Update(g, step, List.of(totals.get(0) + 1, totals.get(1)), to)) : List.of(action)),
                new Fault("begins a generation twice", (_, action) -> action instanceof Action.Layout layout
                        ? List.of(new Action.Layout(1, layout.members(), layout.settled(), layout.base(), layout.committed(), layout.newcomers(), layout.anew())) : List.of(action)),
                new Fault("takes a member twice", (_, action) -> action instanceof Action.Layout layout ? List.of(new Action.Layout(layout.generation(), Stream.concat(layout.members().stream(),
                        layout.members().stream().limit(1)).toList(), layout.settled(), layout.base(), layout.committed(), layout.newcomers(), layout.anew())) : List.of(action)),
                new Fault("commits a step again", (_, action) -> action instanceof Action.Committed ? List.of(action, action) : List.of(action)),
                new Fault("counts checkpoints that failed", (event, action) -> action instanceof Action.NotSaved(long step, _) ? List.of(new Action.Durable(step)) : List.of(action)),
                new Fault("goes back too far", (_, action) -> action instanceof Action.Rewound(long g, long step, String why) && step > 0 ? List.of(new Action.Rewound(g, step - 1, why)) : List.of(action)));
    }

    @ParameterizedTest @MethodSource("faults")
    void aBrokenControlPlaneIsCaughtWhereverItsFaultShows(Fault fault) {
        int shown = 0;
        for (long seed = 0; seed < 8; seed++) {
            boolean[] shows = {false};
            Outcome outcome = Simulation.run(scenario(seed), rules -> (state, event) -> {
                Next next = rules.next(state, event);
                var actions = new ArrayList<Action>();
                next.actions().forEach(action -> actions.addAll(fault.change.apply(event, action)));
                shows[0] |= !actions.equals(next.actions());
                return new Next(next.state(), actions);
            }, _ -> { });
            assertEquals(shows[0], !outcome.isSound(), "seed " + seed + ": " + outcome);
            shown += shows[0] ? 1 : 0;
        }
        assertTrue(shown > 0, "the fault never showed");
    }

    @Test void countsThatChangeOnTheWayAreCaught() {
        Outcome outcome = Simulation.run(scenario(1), rules -> (state, event) -> rules.next(state, event instanceof Event.Reduced(long id, long g, long step, List<Long> counts) && step == 3
                ? new Event.Reduced(id, g, step, List.of(counts.get(0) + 1, counts.get(1))) : event), _ -> { });
        assertFalse(outcome.isSound());
        assertTrue(outcome.digest() != outcome.calmDigest(), outcome.toString());
    }

    private static List<History.Turn> turns(long seed) {
        var turns = new ArrayList<History.Turn>();
        Simulation.run(scenario(seed), turns::add);
        return turns;
    }

    @Test void theCheckNoticesAnyActionThatIsLeftOutOrSaidTwice() {
        for (long seed = 0; seed < 15; seed++) {
            List<History.Turn> turns = turns(seed);
            for (Class<?> kind : List.of(Action.Reduce.class, Action.Committed.class, Action.Settled.class, Action.Layout.class, Action.Update.class)) {
                for (int copies : new int[] {0, 2}) {
                    if (copies == 2 && (kind == Action.Reduce.class || kind == Action.Update.class)) {
                        continue;                                        // said again at once, it changes nothing
                    }
                    var changed = new ArrayList<History.Turn>();
                    turns.forEach(turn -> changed.add(new History.Turn(turn.event(),
                            turn.actions().stream().flatMap(action -> Collections.nCopies(kind.isInstance(action) ? copies : 1, action).stream()).toList())));
                    assertFalse(HistoryCheck.faults(scenario(seed), 0, new History(changed)).isEmpty(), "seed " + seed + ": " + copies + " times " + kind.getSimpleName());
                }
            }
        }
    }

    @Test void eventsInAnyOrderAndRepeatedAreNeverAnExceptionAndBreakNoInvariant() {
        int layouts = 0;
        for (long seed = 0; seed < 40; seed++) {
            var draws = new Draws(RandomKey.ofSeed(seed));
            var events = new ArrayList<Event>(turns(seed).stream().map(History.Turn::event).toList());
            for (int i = 0; i < events.size(); i++) {                    // near places are swapped, so that the run gets somewhere before it is led astray
                Collections.swap(events, i, Math.min(events.size() - 1, i + draws.below(6)));
            }
            for (int i = 0; i < 20; i++) {
                events.add(draws.below(events.size()), draws.of(events));
            }
            History history = History.replay(new Control(scenario(seed).settings()), events);
            layouts += (int) history.turns().stream().flatMap(turn -> turn.actions().stream()).filter(Action.Layout.class::isInstance).count();
            assertEquals(List.of(), HistoryCheck.faults(scenario(seed), 0, history), "seed " + seed);
        }
        assertTrue(layouts > 100, layouts + " layouts");
    }
}
