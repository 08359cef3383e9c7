package dev.xiaolu.recover;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// Spreads leaves over ranks by weight, in whole numbers: the next leaf goes where it would be done first; ties go to the earlier member.
final class Shares {
    private Shares() {}

    /// Gives each of `leaves` a member. Each member gets neighbouring leaves where it can.
    ///
    /// @param load how many leaves a member has still to compute; none where it is not named
    /// @param weights the speed of a member; [Stragglers#USUAL] where it is not named
    static SortedMap<Integer, Long> spread(List<Integer> leaves, List<Long> members, Map<Long, Integer> load, Map<Long, Integer> weights) {
        var loads = new HashMap<>(load);
        var counts = new HashMap<Long, Integer>();
        for (int i = 0; i < leaves.size(); i++) {
            long member = first(members, loads, weights);
            loads.merge(member, 1, Integer::sum);
            counts.merge(member, 1, Integer::sum);
        }
        var spread = new TreeMap<Integer, Long>();
        int next = 0;
        for (long member : members) {
            for (int i = counts.getOrDefault(member, 0); i > 0; i--) {
                spread.put(leaves.get(next++), member);
            }
        }
        return spread;
    }

    /// The member that would be done with one leaf more before the others.
    static long first(List<Long> members, Map<Long, Integer> load, Map<Long, Integer> weights) {
        long best = members.getFirst();
        for (long member : members) {
            long mine = (load.getOrDefault(member, 0) + 1L) * weights.getOrDefault(best, Stragglers.USUAL);
            long its = (load.getOrDefault(best, 0) + 1L) * weights.getOrDefault(member, Stragglers.USUAL);
            if (mine < its) {                                            // (load + 1) / weight, compared without division
                best = member;
            }
        }
        return best;
    }
}
