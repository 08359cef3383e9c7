package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.MILLIS;
import static dev.xiaolu.sim.Timeline.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.platform.RandomKey;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// The parts of the simulated world, one by one.
class WorldTest {
    private final Timeline timeline = new Timeline();
    private final Network network = new Network(timeline, new Draws(RandomKey.ofSeed(1)));

    private void untilQuiet() {
        while (timeline.next()) {
            // what was planned happens
        }
    }

    @Test void whatIsDueAtOneMomentHappensInTheOrderOfItsPlanning() {
        var seen = new ArrayList<Integer>();
        timeline.at(5, () -> seen.add(2));
        timeline.at(5, () -> timeline.at(1, () -> seen.add(4)));         // the past is now
        timeline.at(5, () -> seen.add(3));
        timeline.at(2, () -> seen.add(1));
        untilQuiet();
        assertEquals(List.of(1, 2, 3, 4), seen);
        assertEquals(5, timeline.nanos());
    }

    @Test void aBadLinkKeepsTheOrderOfItsMessagesAndLosesNone() {
        var seen = new ArrayList<Integer>();
        network.disturb(1, 10 * SECONDS, 2 * SECONDS);
        IntStream.range(0, 100).forEach(i -> timeline.at(i * 50 * MILLIS, () -> network.up(1, () -> seen.add(i))));
        untilQuiet();
        assertEquals(IntStream.range(0, 100).boxed().toList(), seen);
    }

    @Test void aCutOneWayHoldsThatWayUntilItHeals() {
        var at = new long[2];
        network.cut(1, false, true, 30 * SECONDS);
        assertTrue(!network.reaches(1) && network.reaches(2));
        network.up(1, () -> at[0] = timeline.nanos());
        network.down(1, () -> at[1] = timeline.nanos());
        untilQuiet();
        assertTrue(at[0] < SECONDS && at[1] > 30 * SECONDS && at[1] < 31 * SECONDS, at[0] + " " + at[1]);
        assertTrue(network.reaches(1));
    }

    @Test void aCheckpointIsWholeOrNotThere() {
        var disk = new CheckpointDisk();
        assertTrue(disk.begin(3, 1));
        assertNull(disk.read(3));
        disk.commit(3, 2, 99);                                           // by somebody who has not begun
        assertNull(disk.read(3));
        disk.commit(3, 1, 7);
        assertEquals(7L, disk.read(3));
        disk.fill(1);
        assertTrue(!disk.begin(4, 1) && disk.begin(4, 1));
    }

    @Test void whoWasAwayItselfBlamesNobody() {
        var watch = new Watch();
        watch.progress(1, 0);
        watch.away(Watch.LOOK);
        assertEquals(List.of(), watch.late(Set.of(1L), 5 * SECONDS));
        assertEquals(1, watch.late(Set.of(1L), 6 * SECONDS).size());
        watch.excuse(watch.away(62 * SECONDS));
        assertEquals(List.of(), watch.late(Set.of(1L), 62 * SECONDS));
        assertEquals(1, watch.late(Set.of(1L), 68 * SECONDS).size());
    }

    @Test void aFlipStrikesOnceInAStep() {
        var struck = new ArrayList<Long>();
        var flips = new Flips(new Draws(RandomKey.ofSeed(1)), struck::add);
        flips.armLeaf();
        flips.armLeaf();
        flips.armWeights();
        assertEquals(1, Long.bitCount(flips.leaf(1, 1, 42) ^ 42));
        assertEquals(42, flips.leaf(2, 1, 42));
        assertEquals(42, flips.weights(3, 1, 42));
        assertTrue(flips.weights(3, 2, 42) != 42 && flips.leaf(4, 3, 42) != 42 && flips.leaf(5, 4, 42) == 42);
        assertEquals(List.of(1L, 3L, 4L), struck);
    }

    @Test void timesAreToldByTheLeastThatEnoughDoNotExceed() {
        assertEquals(new Times(0, 0, 0, 0), Times.of(List.of()));
        assertEquals(new Times(1, 9, 9, 9), Times.of(List.of(9L)));
        assertEquals(new Times(100, 50, 95, 100), Times.of(LongStream.rangeClosed(1, 100).boxed().toList().reversed()));
    }

    @Test void faultsAreNamedInAListOrAllOrNone() {
        assertEquals(EnumSet.of(FaultKind.STOP, FaultKind.CLOCK), FaultKind.parse("clock, stop"));
        assertEquals("stop,clock", FaultKind.words(FaultKind.parse("clock,stop")));
        assertEquals(FaultKind.values().length, FaultKind.parse("all").size());
        assertEquals("none", FaultKind.words(FaultKind.parse("none")));
        assertTrue(assertThrows(InputException.class, () -> FaultKind.parse("kill,,stop")).getMessage().startsWith("no such fault ''; wanted 'all', 'none', or some of kill,stop,slow"));
    }

    @Test void aScenarioTellsAllItsFaultsAtOnce() {
        var faulty = assertThrows(InputException.class, () -> new Scenario(1001, 0, 0, Set.of(), 1));
        assertTrue(faulty.getMessage().contains("--nodes is 1001, wanted 1 to 1000") && faulty.getMessage().contains("--steps is 0") && faulty.getMessage().contains("--leaves is 0"), faulty.getMessage());
        assertTrue(assertThrows(InputException.class, () -> new Scenario(2, 1, 1, Set.of(FaultKind.FLIP), 1)).getMessage().contains("wanted at least 3"));
    }
}
