package dev.xiaolu.recover;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// How fast each rank is, and how leaves are spread by it.
class SharesTest {
    @Test void speedIsAgainstTheMedianAndSmallDifferencesDoNotCount() {
        assertEquals(new TreeMap<>(Map.of(1L, 100, 2L, 100, 3L, 53, 4L, 10, 5L, 210)), Stragglers.weights(new TreeMap<>(Map.of(1L, 1000L, 2L, 1050L, 3L, 2000L, 4L, 90_000L, 5L, 500L))));
        assertEquals(Map.of(), Stragglers.weights(new TreeMap<>()));
    }

    @Test void leavesGoWhereTheyAreDoneFirst() {
        assertEquals(new TreeMap<>(Map.of(0, 1L, 1, 1L, 2, 2L, 3, 2L, 4, 3L)), Shares.spread(List.of(0, 1, 2, 3, 4), List.of(1L, 2L, 3L), Map.of(), Map.of()));
        assertEquals(new TreeMap<>(Map.of(5, 2L, 7, 2L)), Shares.spread(List.of(5, 7), List.of(1L, 2L), Map.of(1L, 2), Map.of()));
        assertEquals(new TreeMap<>(Map.of(0, 1L, 1, 2L, 2, 2L)), Shares.spread(List.of(0, 1, 2), List.of(1L, 2L), Map.of(), Map.of(1L, 50)));
    }
}
