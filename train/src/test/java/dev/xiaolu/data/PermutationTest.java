package dev.xiaolu.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.platform.RandomKey;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PermutationTest {
    @Test void everyIndexIsTakenOnceForEverySize() {
        for (int size = 1; size <= 300; size++) {
            for (long seed = 0; seed < 3; seed++) {
                assertBijection(size, seed);
            }
        }
        for (int size : new int[] {1023, 1024, 1025, 4095, 4097, 65_537, 1_000_003}) {
            assertBijection(size, 5);
        }
    }

    private static void assertBijection(int size, long seed) {
        var permutation = new Permutation(RandomKey.ofSeed(seed), size);
        var seen = new BitSet(size);
        for (int i = 0; i < size; i++) {
            long at = permutation.at(i);
            assertTrue(at >= 0 && at < size && !seen.get((int) at), "size " + size + ", seed " + seed + ", index " + i);
            seen.set((int) at);
        }
    }

    @Test void everyOrderOfFourComesAboutEquallyOften() {
        Map<String, Integer> counts = new HashMap<>();
        for (long seed = 0; seed < 24_000; seed++) {
            var p = new Permutation(RandomKey.ofSeed(seed), 4);
            counts.merge("" + p.at(0) + p.at(1) + p.at(2) + p.at(3), 1, Integer::sum);
        }
        assertEquals(24, counts.size());
        counts.forEach((order, count) -> assertTrue(count > 850 && count < 1150, order + " came " + count + " times, wanted about 1000"));
    }

    @Test void neighboursAreTornApart() {
        int size = 10_000;
        var permutation = new Permutation(RandomKey.ofSeed(3), size);
        double distance = 0;
        for (int i = 0; i + 1 < size; i++) {
            distance += Math.abs(permutation.at(i) - permutation.at(i + 1));
        }
        assertEquals(1 / 3.0, distance / size / size, 0.01);                 // as of two independent places
    }

    @Test void hugeSizesStayInRange() {
        for (long size : new long[] {1L << 40, (1L << 40) + 1, Long.MAX_VALUE >> 2}) {
            var permutation = new Permutation(RandomKey.ofSeed(1), size);
            for (long i = 0; i < 1000; i++) {
                long at = permutation.at(size - 1 - i);
                assertTrue(at >= 0 && at < size);
            }
        }
        assertThrows(IllegalArgumentException.class, () -> new Permutation(RandomKey.ofSeed(1), 0));
        assertThrows(IllegalArgumentException.class, () -> new Permutation(RandomKey.ofSeed(1), 5).at(5));
    }
}
