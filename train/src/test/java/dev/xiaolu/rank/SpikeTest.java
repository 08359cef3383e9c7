package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.RandomKey;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SpikeTest {
    private static double[] scattered(double middle, double width) {
        RandomKey key = RandomKey.ofSeed(3);
        return IntStream.range(0, Spike.WINDOW).mapToDouble(i -> middle + width * (key.uniform(i) - 0.5)).toArray();
    }

    @Test void onlyALeapOutOfTheScatterCounts() {
        assertFalse(Spike.is(scattered(2, 0.1), 2.9), "less than a nat");
        assertTrue(Spike.is(scattered(2, 0.1), 3.2));
        assertFalse(Spike.is(scattered(2, 2), 4), "the losses scatter as widely");
        assertTrue(Spike.is(scattered(2, 2), 20));
    }

    @Test void oneEarlierSpikeHidesNoneThatFollows() {
        double[] before = scattered(2, 0.1);
        before[20] = 90;
        assertTrue(Spike.is(before, 4));
    }

    @Test void fallingLossesAreNoSpikes() {
        double[] falling = IntStream.range(0, Spike.WINDOW).mapToDouble(i -> 9 - 0.2 * i).toArray();
        assertFalse(Spike.is(falling, 4));
        assertFalse(Spike.is(falling, 9));
    }

    @Test void medianIsTheMiddle() {
        assertEquals(2, Spike.median(new double[] {9, 1, 2}));
        assertEquals(2.5, Spike.median(new double[] {9, 1, 2, 3}));
    }
}
