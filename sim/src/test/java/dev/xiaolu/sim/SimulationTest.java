package dev.xiaolu.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Control;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Whole runs with faults of every kind; each failure names the line that replays it.
class SimulationTest {
    private static final Set<FaultKind> ALL = EnumSet.allOf(FaultKind.class);

    private static Outcome sound(Scenario scenario) {
        Outcome outcome = Simulation.run(scenario);
        assertEquals(List.of(), outcome.violations(), scenario::command);
        assertEquals(outcome.calmDigest(), outcome.digest(), scenario::command);
        return outcome;
    }

    @Test void aSeedGivesOneHistoryAndItsLogReplaysIt() {
        for (long seed = 0; seed < 10; seed++) {
            var scenario = new Scenario(7, 10, 15, ALL, seed);
            var turns = new ArrayList<History.Turn>();
            Outcome first = Simulation.run(scenario, turns::add), second = Simulation.run(scenario);
            assertEquals(first, second, scenario.command());
            List<String> lines = new History(turns).lines();
            History parsed = History.parse(lines);
            assertEquals(turns, parsed.turns(), scenario.command());
            assertEquals(lines, History.replay(new Control(scenario.settings()), parsed.turns().stream().map(History.Turn::event).toList()).lines(), scenario.command());
        }
    }

    @Test void everyStateIsReadBackFromItsLineAndGoesOnAsTheFirst() {
        var kinds = new TreeSet<String>();
        for (long seed = 0; seed < 30; seed++) {
            var scenario = new Scenario(5, 8, 9, ALL, seed);
            var turns = new ArrayList<History.Turn>();
            Simulation.run(scenario, turns::add);
            var control = new Control(scenario.settings());
            State state = control.start();
            for (History.Turn turn : turns) {
                State read = Lines.state(Lines.of(state));
                assertEquals(state, read, scenario.command());
                Next next = control.next(read, turn.event());
                assertEquals(turn.actions(), next.actions(), scenario.command());
                kinds.add(state.getClass().getSimpleName());
                state = next.state();                                    // so what was read goes on being read
            }
            assertEquals(state, Lines.state(Lines.of(state)), scenario.command());
        }
        assertTrue(kinds.containsAll(Set.of("Computing", "Ending", "Gathering", "Reducing", "Settling", "Staging", "Waiting")), kinds.toString());
    }

    @Test void otherSeedsGiveOtherHistoriesAndTheSameBits() {
        Outcome one = sound(new Scenario(7, 10, 15, ALL, 1)), other = sound(new Scenario(7, 10, 15, ALL, 2)), wider = sound(new Scenario(30, 10, 15, ALL, 1));
        assertEquals(3, Set.of(one.history(), other.history(), wider.history()).size());
        assertEquals(Set.of(one.digest()), Set.copyOf(List.of(one.digest(), other.digest(), wider.digest())));
    }

    @Test void aCalmRunIsAsFastAsItself() {
        Outcome calm = sound(new Scenario(16, 10, 32, Set.of(), 1));
        assertEquals(1.0, calm.goodput());
        assertEquals(0, calm.recoveries() + calm.detection().count() + calm.injected().size());
        assertEquals(EnumSet.of(Branch.DURABLE, Branch.ENDED), EnumSet.copyOf(calm.branches()));
    }

    @ParameterizedTest @EnumSource
    void eachKindOfFaultComesAndChangesNoBit(FaultKind kind) {
        int injected = 0;
        for (long seed = 0; seed < 25; seed++) {
            Outcome outcome = sound(new Scenario(6, 12, 11, Set.of(kind), seed));
            int its = outcome.injected().getOrDefault(kind, 0);
            assertEquals(its, outcome.injected().values().stream().mapToInt(Integer::intValue).sum(), "faults of other kinds");
            assertTrue(its > 0 || kind == FaultKind.FLIP, "none came in " + outcome.scenario().command());       // a flip waits for what it can strike
            injected += its;
        }
        assertTrue(injected >= 25, injected + " in 25 runs");
    }

    @Test void aBudgetOfSeedsTakesEveryRareBranch() {
        Budget budget = Budget.run(new Scenario(9, 15, 18, ALL, 1), 100, _ -> { });
        budget.unsound().forEach(outcome -> assertEquals(List.of(), outcome.violations(), outcome.scenario().command()));
        assertEquals(List.of(), budget.unsound());
        System.out.println("branches taken in 100 runs: " + budget.branches());
        assertEquals(List.of(), budget.missed());
        assertEquals(EnumSet.allOf(Branch.class), budget.branches().keySet());
    }

    @Test void aBudgetThatMissesABranchSaysWhich() {
        Budget calm = Budget.run(new Scenario(4, 3, 4, EnumSet.of(FaultKind.DISK), 1), 1, _ -> { });
        assertEquals(EnumSet.of(Branch.NOT_SAVED, Branch.DURABLE, Branch.ENDED), calm.branches().keySet());
        assertTrue(new Budget(List.of()).branches().isEmpty());
        Budget gathering = Budget.run(new Scenario(4, 3, 4, EnumSet.of(FaultKind.KILL), 1), 1, _ -> { });
        assertTrue(gathering.missed().contains(Branch.REWOUND) || gathering.missed().contains(Branch.LOST_WAITING) || gathering.missed().contains(Branch.LOST_GATHERING), gathering.branches().toString());
    }

    @Test void oneOrTwoNodesGetThroughToo() {
        var kinds = EnumSet.complementOf(EnumSet.of(FaultKind.FLIP));
        for (long seed = 0; seed < 40; seed++) {
            sound(new Scenario(1 + (int) (seed % 2), 8, 3, kinds, seed));
        }
    }

    @Test void aRunThatIsAskedToEndDoesSoInTheBitsOfACalmOne() {
        long ended = 0;
        for (long seed = 0; seed < 60; seed++) {
            Outcome outcome = sound(new Scenario(5, 15, 8, ALL, seed, true));
            ended += outcome.end().startsWith("stopped") ? 1 : 0;
        }
        assertTrue(ended > 30, ended + " of 60 ended because they were asked to");
    }

    @Test void whereSumsAreMingledEveryLossBeginsTheStepAnewAndNothingElseChanges() {
        for (long seed = 0; seed < 40; seed++) {
            var scenario = new Scenario(3 + (int) (seed % 5), 12, 9, ALL, seed).withMingledSums();
            var turns = new ArrayList<History.Turn>();
            Outcome outcome = Simulation.run(scenario, turns::add);
            assertEquals(List.of(), outcome.violations(), scenario::command);
            assertEquals(outcome.calmDigest(), outcome.digest(), scenario::command);
            var work = new Control(scenario.settings());
            State state = work.start();
            for (History.Turn turn : turns) {
                Next next = work.next(state, turn.event());
                for (Action action : next.actions()) {
                    if (action instanceof Action.Layout layout) {
                        assertEquals(next.state().run().work() != null, layout.anew(), scenario.command());
                    }
                }
                state = next.state();
            }
        }
    }

    /// Ranks that go on computing across a change of members were blamed for it once: 4 nodes were left with too few, then asked to end.
    @Test void theSeedThatFoundAGivenUpStepStaysSound() {
        sound(new Scenario(4, 14, 20, EnumSet.of(FaultKind.KILL, FaultKind.SLOW, FaultKind.DISK, FaultKind.FLIP, FaultKind.CLOCK), 2671, true));
    }

    /// A third rank told who of two errs while the members settled; that was not looked at, and the wrong leaf was counted.
    @Test void theSeedThatFoundAnUnjudgedLeafStaysSound() {
        sound(new Scenario(9, 17, 4, EnumSet.complementOf(EnumSet.of(FaultKind.STOP, FaultKind.CLOCK)), 27914, true));
    }

    @Test void aThousandRanksAreSimulated() {
        Outcome outcome = sound(new Scenario(1000, 3, 1000, EnumSet.of(FaultKind.KILL, FaultKind.PARTITION, FaultKind.FLIP), 1));
        assertTrue(outcome.recoveries() > 0 && outcome.events() > 9000, outcome.toString());
    }
}
