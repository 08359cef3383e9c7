package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.consensus.Steering.Numbered;
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

    @Test void orderThatComesTwiceOrAfterALaterOneIsLeftAside() throws Exception {
        try (var rank = new LoneRank(temp.resolve("twice"), "train.micro_batch_leaves=1", "train.gradient_leaf_sequences=1")) {
            rank.settle();
            List<Integer> leaves = IntStream.range(0, RunPlan.of(rank.config, 0).leavesOf(1)).boxed().toList();
            var compute = new Numbered(20, 0, new Action.Compute(LoneRank.SELF, 1, 1, leaves, List.of()));
            var reduce = new Numbered(30, 1, new Action.Reduce(1, 1, new TreeMap<>(Map.of(LoneRank.SELF, leaves))));
            rank.order(compute);
            var computed = new TreeSet<Integer>();
            while (computed.size() < leaves.size()) {
                rank.await(Event.Computed.class).leaves().stream().map(Leaf::index).forEach(computed::add);
            }
            rank.order(reduce);
            rank.await(Event.Reduced.class);
            for (Numbered late : List.of(reduce, compute, new Numbered(30, 0, new Action.Layout(2, List.of(), List.of(), List.of(), 0, List.of(), true)))) {
                rank.order(late);
            }
            rank.order(new Numbered(30, 2, reduce.action()));   // a later one that asks for the same
            rank.await(Event.Reduced.class);
            assertEquals(2, rank.heard(Event.Reduced.class), "it has summed once more than it was asked to");
            assertEquals(1, rank.heard(Event.Ready.class), "it has followed an older layout");
        }
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
