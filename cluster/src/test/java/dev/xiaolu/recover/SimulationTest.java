package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/// Whole runs with faults of every kind; each failure names the seed that replays it.
class SimulationTest {
    private static final int SEEDS = 300;
    private static final List<String> RARE = List.of("lost while Settling", "lost while Computing", "lost while Reducing", "lost while Staging", "lost while Ending", "lost while saving",
            "lost while Waiting", "Rewound", "Refuse", "Wait", "Fenced", "NotSaved", "Durable", "newcomers", "stale message", "quarantined");

    @Test void everyRunEndsInTheBitsOfACalmOneHoweverItIsDisturbed() {
        var counts = new TreeMap<String, Integer>();
        for (long seed = 0; seed < SEEDS; seed++) {
            var simulation = new Simulation(seed);
            List<String> wrong;
            try {
                wrong = simulation.run();
            } catch (RuntimeException | AssertionError failed) {
                throw new AssertionError("seed " + seed + ", turn " + simulation.turns.size() + ": " + failed, failed);
            }
            assertEquals(List.of(), wrong, "seed " + seed);
            simulation.reached.forEach(branch -> counts.merge(branch, 1, Integer::sum));
        }
        System.out.println("branches reached in " + SEEDS + " runs: " + counts);
        RARE.forEach(branch -> assertTrue(counts.containsKey(branch), branch + " was reached in none of " + SEEDS + " runs: " + counts));
    }

    @Test void aSeedGivesOneHistoryAndItsLogReplaysIt() {
        for (long seed = 0; seed < 25; seed++) {
            var first = new Simulation(seed);
            var second = new Simulation(seed);
            first.run();
            second.run();
            List<String> lines = new History(first.turns).lines();
            assertEquals(lines, new History(second.turns).lines(), "seed " + seed);
            History parsed = History.parse(lines);
            assertEquals(first.turns, parsed.turns(), "seed " + seed);
            assertEquals(lines, History.replay(first.control, parsed.turns().stream().map(History.Turn::event).toList()).lines(), "seed " + seed);
        }
    }

    @Test void everyStateIsReadBackFromItsLineAndGoesOnAsTheFirst() {
        var kinds = new TreeSet<String>();
        for (long seed = 0; seed < 60; seed++) {
            var simulation = new Simulation(seed);
            simulation.run();
            State state = simulation.control.start();
            for (History.Turn turn : simulation.turns) {
                State read = Lines.state(Lines.of(state));
                assertEquals(state, read, "seed " + seed);
                assertEquals(Lines.of(state), Lines.of(read), "seed " + seed);
                Next next = simulation.control.next(read, turn.event());
                assertEquals(turn.actions(), next.actions(), "seed " + seed);
                kinds.add(state.getClass().getSimpleName());
                state = next.state();                                    // so what was read goes on being read
            }
            assertEquals(simulation.state, state, "seed " + seed);
            kinds.add(state.getClass().getSimpleName());
            assertEquals(state, Lines.state(Lines.of(state)), "seed " + seed);
        }
        assertEquals("[Computing, Ended, Ending, Gathering, Reducing, Settling, Staging, Waiting]", kinds.toString());
    }

    @Test void theCheckNoticesAnyActionThatIsLeftOutOrSaidTwice() {
        for (long seed = 0; seed < 25; seed++) {
            var simulation = new Simulation(seed);
            simulation.run();
            for (Class<?> kind : List.of(Action.Reduce.class, Action.Committed.class, Action.Settled.class, Action.Layout.class, Action.Update.class)) {
                for (int copies : new int[] {0, 2}) {
                    if (copies == 2 && (kind == Action.Reduce.class || kind == Action.Update.class)) {
                        continue;                                        // said again at once, it changes nothing
                    }
                    var changed = new ArrayList<History.Turn>();
                    boolean[] done = {false};
                    for (History.Turn turn : simulation.turns) {
                        var actions = new ArrayList<Action>();
                        turn.actions().forEach(action -> {
                            int times = kind.isInstance(action) ? copies : 1;
                            done[0] |= kind.isInstance(action);
                            for (int i = 0; i < times; i++) {
                                actions.add(action);
                            }
                        });
                        changed.add(new History.Turn(turn.event(), actions));
                    }
                    assertTrue(!done[0] || !HistoryCheck.faults(simulation, 0, new History(changed)).isEmpty(), "seed " + seed + ": " + copies + " times " + kind.getSimpleName());
                }
            }
        }
    }

    @Test void eventsInAnyOrderAreNeverAnExceptionAndBreakNoInvariant() {
        int layouts = 0;
        for (long seed = 0; seed < 60; seed++) {
            var simulation = new Simulation(seed);
            simulation.run();
            var events = new ArrayList<Event>(simulation.turns.stream().map(History.Turn::event).toList());
            for (int i = 0; i < events.size(); i++) {                    // near places are swapped, so that the run gets somewhere before it is led astray
                Collections.swap(events, i, Math.min(events.size() - 1, i + simulation.random.nextInt(6)));
            }
            History history = History.replay(simulation.control, events);
            layouts += (int) history.turns().stream().flatMap(turn -> turn.actions().stream()).filter(Action.Layout.class::isInstance).count();
            assertEquals(List.of(), HistoryCheck.faults(simulation, 0, history), "seed " + seed);
        }
        assertTrue(layouts > 100, layouts + " layouts");
    }
}
