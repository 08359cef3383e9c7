package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Leaf;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// One real rank under orders that cross what it tells.
@Timeout(600)
class RankTest {
    @TempDir Path temp;

    @Test void leavesThatAreAskedForAgainWhileTheirResultIsOnItsWayAreInTheSumsOnce() throws Exception {
        assertEquals(counts(temp.resolve("once"), false), counts(temp.resolve("again"), true));
    }

    private static List<Long> counts(Path folder, boolean again) throws Exception {
        try (var rank = new LoneRank(folder, "train.micro_batch_leaves=1", "train.gradient_leaf_sequences=1")) {
            rank.settle();
            List<Integer> leaves = IntStream.range(0, RunPlan.of(rank.config, 0).leavesOf(1)).boxed().toList();
            assertTrue(leaves.size() > 2, "leaves " + leaves);
            var order = new Action.Compute(LoneRank.SELF, 1, 1, leaves, List.of());
            rank.order(order);
            var computed = new TreeSet<Integer>();
            while (computed.size() < leaves.size()) {
                rank.await(Event.Computed.class).leaves().stream().map(Leaf::index).forEach(computed::add);
                if (again && computed.size() == 1) {
                    rank.order(order);
                }
            }
            rank.order(new Action.Reduce(1, 1, new TreeMap<>(Map.of(LoneRank.SELF, leaves))));
            return rank.await(Event.Reduced.class).counts();
        }
    }
}
