package dev.xiaolu.recover;

import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
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
        var queue = new PriorityQueue<Place>(members.size());
        for (int i = 0; i < members.size(); i++) {
            queue.add(new Place(i, load.getOrDefault(members.get(i), 0), weights.getOrDefault(members.get(i), Stragglers.USUAL)));
        }
        int[] counts = new int[members.size()];
        for (int i = 0; i < leaves.size(); i++) {
            Place place = queue.remove();
            counts[place.index]++;
            queue.add(new Place(place.index, place.load + 1, place.weight));
        }
        var spread = new TreeMap<Integer, Long>();
        int next = 0;
        for (int i = 0; i < counts.length; i++) {
            for (int taken = 0; taken < counts[i]; taken++) {
                spread.put(leaves.get(next++), members.get(i));
            }
        }
        return spread;
    }

    /// A member in the order of [#first].
    private record Place(int index, int load, int weight) implements Comparable<Place> {
        @Override public int compareTo(Place other) {
            int sooner = Long.compare((load + 1L) * other.weight, (other.load + 1L) * weight);      // (load + 1) / weight, compared without division
            return sooner != 0 ? sooner : Integer.compare(index, other.index);
        }
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
