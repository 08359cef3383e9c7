package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.recover.Ring;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where shards are, for every number of members, parts and copies.
class PlacementTest {
    @TempDir Path temp;

    private void withSlot(int parts, Consumer<Slot> check) {
        SlotOfParts.with(temp, parts, check);
    }

    private static Placement among(int members, int copies, Slot slot) {
        return Placement.of(LongStream.range(10, 10 + members).boxed().toList(), copies, slot.made.training().model(), slot);
    }

    @Test void everyPartOfTheExpertsIsWhereRowsAreSentAndAtItsOwner() {
        for (int parts : new int[] {2, 3, 4}) {
            withSlot(parts, slot -> {
                for (int size = 1; size <= 9; size++) {
                    Placement placement = among(size, 2, slot);
                    for (var parameter : slot.trained()) {
                        int part = slot.shards.named(parameter.name()).part();
                        if (part < 0) {
                            placement.members().forEach(id -> assertTrue(placement.hasWeights(id, parameter.name())));
                            continue;
                        }
                        for (long id : placement.members()) {
                            long server = placement.server(id, part);
                            assertTrue(placement.hasWeights(server, parameter.name()) && placement.sums(server, parameter.name()), parts + " parts, " + size + " members");
                            assertTrue(placement.servers(part).contains(server));
                            assertTrue(placement.hasWeights(placement.checker(id, part, parameter.name()), parameter.name()));
                            assertEquals(placement.withWeights(parameter.name()).contains(id), placement.hasWeights(id, parameter.name()));
                        }
                        assertTrue(placement.servers(part).contains(placement.owner(parameter.name())), "an owner has the sums and the weights");
                    }
                }
            });
        }
    }

    /// What a rank has of the experts: one part of each layer to work with, and the copies that it keeps for others.
    @Test void aRankWorksWithOnePartAsLongAsThereAreAsManyMembersAsParts() {
        withSlot(4, slot -> {
            for (int size = 4; size <= 9; size++) {
                Placement placement = among(size, 1, slot);
                for (long id : placement.members()) {
                    var parts = new HashSet<Integer>();
                    slot.trained().stream().map(each -> slot.shards.named(each.name())).filter(shard -> shard.isPart() && placement.hasWeights(id, shard.name())).forEach(shard -> parts.add(shard.part()));
                    assertEquals(1, parts.size(), size + " members");
                }
            }
        });
    }

    @Test void whoeverSurvivesByTheRingHasEveryShardSomewhere() {
        withSlot(3, slot -> {
            for (int copies = 1; copies <= 3; copies++) {
                Placement placement = among(7, copies, slot);
                for (int lost = 0; lost < 1 << 7; lost++) {
                    int gone = lost;
                    List<Long> dead = placement.members().stream().filter(id -> (gone >> id - 10 & 1) == 1).toList();
                    if (Ring.survives(placement.members(), dead, copies)) {
                        slot.trained().forEach(each -> {
                            assertTrue(!dead.containsAll(placement.withWeights(each.name())), each.name());
                            assertTrue(!dead.containsAll(placement.holders(each.name())), each.name());
                        });
                    }
                }
            }
        });
    }

    @Test void partsOfAStackFollowEachOtherAndOneBundleHasOneOwner() {
        withSlot(3, slot -> {
            Placement placement = among(5, 2, slot);
            for (int layer = 0; layer < slot.shards.layers().size(); layer++) {
                for (int part = 0; part < 3; part++) {
                    var owners = new HashSet<Long>();
                    slot.shards.of(layer, part).forEach(shard -> owners.add(placement.owner(shard.name())));
                    assertEquals(1, owners.size());
                }
                for (var stack : slot.shards.layers().get(layer).stacks()) {
                    long next = 0;
                    for (Shards.Shard shard : slot.shards.of(stack.name())) {
                        assertEquals(next, shard.first());
                        assertEquals(shard.value().data().address(), stack.value().data().address() + Float.BYTES * next);
                        next += shard.value().shape().size();
                    }
                    assertEquals(stack.shape().size(), next);
                }
            }
        });
    }
}
