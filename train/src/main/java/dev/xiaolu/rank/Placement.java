package dev.xiaolu.rank;

import dev.xiaolu.nn.LanguageModel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Which rank updates a shard, and at which ranks its optimizer state and its weights live. State is at the owner and at those behind it in the ring of members.
/// Weights are everywhere, but for experts that are spread: these are at the ranks that work for others with them, of which the owner is one, and where their state is.
///
/// Experts of a layer are cut into `parts`. Members are taken in rows of so many neighbours, and the first of each row has part 0, the next part 1, and so on; a rank sends rows of tokens along its own row. A last row that is
/// not full does without the parts behind its end and sends to the row before. With fewer members than parts, part `p` is at member `p mod members`. So a rank has one part of each layer as long as there are `parts` members.
///
/// A function of the members and the model alone, so that every rank works it out by itself. Matrices stay whole: an orthogonal update needs all of one. Source: ZeRO-1, Rajbhandari et al. 2019, arXiv:1910.02054.
///
/// @param members in order
/// @param copies  at how many members state lives, at most all of them
/// @param parts   into how many parts experts are cut; 1: they are everywhere
/// @param owners  place of the owner among the members, by shard
/// @param parting number of the part that a shard belongs to, by shard; none for whole parameters
record Placement(List<Long> members, int copies, int parts, Map<String, Integer> owners, Map<String, Integer> parting) {
    private static final long MATMULS = 8;                       // multiply-adds of an orthogonal update for each element and each of the smaller side's, over those of an element-wise one, roughly

    /// Shards that go together, and what an update of them costs.
    private record Bundle(String name, int part, long cost, List<String> shards) {}

    /// Gives the costliest shards first to whoever has least to do among those who may own them; ties go to the earlier member.
    static Placement of(List<Long> members, int copies, LanguageModel model, Slot slot) {
        var bundles = new HashMap<String, Bundle>();
        slot.trained().forEach(each -> {
            Shards.Shard shard = slot.shards.named(each.name());
            Bundle before = bundles.getOrDefault(shard.bundle(), new Bundle(shard.bundle(), shard.part(), 0, new ArrayList<>()));
            before.shards.add(shard.name());
            bundles.put(shard.bundle(), new Bundle(before.name, before.part, before.cost + cost(model, shard), before.shards));
        });
        var placement = new Placement(List.copyOf(members), Math.min(copies, members.size()), slot.shards.parts(), new HashMap<>(), new HashMap<>());
        long[] load = new long[members.size()];
        List<Bundle> sorted = new ArrayList<>(bundles.values());
        sorted.sort(Comparator.comparingLong((Bundle bundle) -> -bundle.cost).thenComparing(Bundle::name));
        for (Bundle bundle : sorted) {
            int least = -1;
            for (int i = 0; i < load.length; i++) {
                if ((bundle.part < 0 || placement.isServer(i, bundle.part)) && (least < 0 || load[i] < load[least])) {
                    least = i;
                }
            }
            load[least] += bundle.cost;
            for (String shard : bundle.shards) {
                placement.owners.put(shard, least);
                if (bundle.part >= 0) {
                    placement.parting.put(shard, bundle.part);
                }
            }
        }
        return placement;
    }

    private static long cost(LanguageModel model, Shards.Shard shard) {
        var shape = shard.value().shape();
        long smaller = shape.rank() < 2 ? 1 : Math.min(shape.axis(-1), shape.axis(-2));
        return shape.size() * (model.isHiddenMatrix(shard.whole().name()) ? MATMULS + smaller : MATMULS);
    }

    /// Who updates a shard.
    long owner(String shard) {
        return members.get(owners.get(shard));
    }

    /// Who has its optimizer state, the owner first.
    List<Long> holders(String shard) {
        var holders = new ArrayList<Long>();
        for (int i = 0; i < copies; i++) {
            holders.add(members.get((owners.get(shard) + i) % members.size()));
        }
        return holders;
    }

    boolean isOwner(long id, String shard) {
        return owner(shard) == id;
    }

    boolean isHolder(long id, String shard) {
        return holders(shard).contains(id);
    }

    /// Whether experts are not everywhere.
    boolean isSpread() {
        return parts > 1;
    }

    /// Whether a rank has the weights of a shard.
    boolean hasWeights(long id, String shard) {
        return !parting.containsKey(shard) || isServer(members.indexOf(id), parting.get(shard)) || isHolder(id, shard);
    }

    /// Who has the weights of a shard, the owner first, of what is updated; all members for anything else.
    List<Long> withWeights(String shard) {
        if (!parting.containsKey(shard)) {
            return members;
        }
        var all = holders(shard);
        servers(parting.get(shard)).stream().filter(id -> !all.contains(id)).forEach(all::add);
        return all;
    }

    /// Whether a rank sums gradients of this shard: of leaves of its own, or of others who send it their tokens.
    boolean sums(long id, String shard) {
        return !parting.containsKey(shard) || isServer(members.indexOf(id), parting.get(shard));
    }

    /// Who works with a part of the experts for others, in order.
    List<Long> servers(int part) {
        var servers = new ArrayList<Long>();
        for (int i = 0; i < members.size(); i++) {
            if (isServer(i, part)) {
                servers.add(members.get(i));
            }
        }
        return servers;
    }

    private boolean isServer(int member, int part) {
        int size = members.size();
        return member >= 0 && (size < parts ? part % size == member : member % parts == part);
    }

    /// To whom a rank sends the rows of this part.
    long server(long id, int part) {
        int size = members.size();
        if (size < parts) {
            return members.get(part % size);
        }
        int wanted = members.indexOf(id) / parts * parts + part;
        return members.get(wanted < size ? wanted : wanted - parts);
    }

    /// To whom a rank sends the rows of this part that only check what another has found: to a copy, where there is one.
    long checker(long id, int part, String shard) {
        return copies > 1 ? holders(shard).get(1) : server(id, part);
    }
}
