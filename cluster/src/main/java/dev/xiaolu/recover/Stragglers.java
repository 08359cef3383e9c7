package dev.xiaolu.recover;

import static dev.xiaolu.platform.Check.check;

import java.util.SortedMap;
import java.util.TreeMap;

/// Speed weights from the time that a leaf takes at each rank, against the median of all; pure.
public final class Stragglers {
    /// The weight of a rank that is as fast as most.
    public static final int USUAL = 100;

    private static final int LEAST = 10, MOST = 400, NARROW = 10;

    private Stragglers() {}

    /// `100 · median / own`, from 10 to 400; within a tenth of the median it is 100, so that shares do not move with every breath of the machines.
    ///
    /// @param nanosPerLeaf how long a leaf took at each rank
    public static SortedMap<Long, Integer> weights(SortedMap<Long, Long> nanosPerLeaf) {
        var weights = new TreeMap<Long, Integer>();
        if (nanosPerLeaf.isEmpty()) {
            return weights;
        }
        nanosPerLeaf.forEach((id, nanos) -> check(nanos > 0, "Stragglers: a leaf took rank %d %d ns, wanted a positive number", id, nanos));
        long median = nanosPerLeaf.values().stream().sorted().toList().get((nanosPerLeaf.size() - 1) / 2);
        nanosPerLeaf.forEach((id, nanos) -> {
            long weight = Math.clamp((USUAL * median + nanos / 2) / nanos, LEAST, MOST);
            weights.put(id, Math.abs(weight - USUAL) <= NARROW ? USUAL : (int) weight);
        });
        return weights;
    }
}
