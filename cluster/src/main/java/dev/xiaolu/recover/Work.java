package dev.xiaolu.recover;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/// How far the leaves of the step under way have come. A leaf belongs to one member until that member is lost, so no leaf is ever in two sums.
///
/// @param step the step
/// @param since the generation in which it began: results of earlier ones are of a history that was undone
/// @param leaves how many leaves it has
/// @param doubled the leaves that two ranks compute
/// @param owners whose a leaf is
/// @param held the leaves that their owners have computed
/// @param checkers who else shall compute a leaf, to compare
/// @param checked what those have found, by leaf and rank
/// @param tries how often the step was begun before
public record Work(long step, long since, int leaves, List<Integer> doubled, SortedMap<Integer, Long> owners, SortedMap<Integer, Leaf> held,
        SortedMap<Integer, List<Long>> checkers, SortedMap<Integer, SortedMap<Long, Leaf>> checked, int tries) {

    static Work begin(long step, long generation, Plan plan) {
        return new Work(step, generation, plan.leavesOf(step), List.copyOf(plan.doubled(step)), new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), new TreeMap<>(), 0);
    }

    /// The same step from its beginning.
    Work again(long generation, Plan plan) {
        Work fresh = begin(step, generation, plan);
        return new Work(step, generation, fresh.leaves, fresh.doubled, fresh.owners, fresh.held, fresh.checkers, fresh.checked, tries + 1);
    }

    /// The same step from its beginning, since sums are lost and not because they are doubted.
    Work anew(long generation, Plan plan) {
        Work fresh = begin(step, generation, plan);
        return new Work(step, generation, fresh.leaves, fresh.doubled, fresh.owners, fresh.held, fresh.checkers, fresh.checked, tries);
    }

    private Work copy() {
        var checkersCopy = new TreeMap<Integer, List<Long>>();
        checkers.forEach((leaf, ids) -> checkersCopy.put(leaf, new ArrayList<>(ids)));
        var checkedCopy = new TreeMap<Integer, SortedMap<Long, Leaf>>();
        checked.forEach((leaf, found) -> checkedCopy.put(leaf, new TreeMap<>(found)));
        return new Work(step, since, leaves, doubled, new TreeMap<>(owners), new TreeMap<>(held), checkersCopy, checkedCopy, tries);
    }

    /// Without the members that are lost, and what they held.
    Work without(Collection<Long> lost) {
        Work left = copy();
        left.owners.values().removeAll(lost);
        left.held.keySet().retainAll(left.owners.keySet());
        left.checkers.values().forEach(ids -> ids.removeAll(lost));
        left.checked.values().forEach(found -> found.keySet().removeAll(lost));
        return left;
    }

    /// Every leaf has an owner, and doubled ones have checkers, as far as there are members for it.
    Work assigned(List<Long> members, Map<Long, Integer> weights) {
        if (owners.size() == leaves && doubled.stream().noneMatch(this::wantsChecker)) {
            return this;
        }
        Work next = copy();
        var load = new HashMap<Long, Integer>();
        todo().forEach((id, own) -> load.merge(id, own.size(), Integer::sum));
        toCheck().forEach((id, others) -> load.merge(id, others.size(), Integer::sum));
        var missing = new ArrayList<Integer>();
        for (int leaf = 0; leaf < leaves; leaf++) {
            if (!owners.containsKey(leaf)) {
                missing.add(leaf);
            }
        }
        var order = new ArrayList<>(members);
        Collections.rotate(order, -tries);                               // what one has computed wrongly, another shall compute when it is done again
        Shares.spread(missing, order, load, weights).forEach((leaf, id) -> {
            next.owners.put(leaf, id);
            load.merge(id, 1, Integer::sum);
            next.checkers.getOrDefault(leaf, new ArrayList<>()).remove(id);      // nobody checks itself
            next.checked.getOrDefault(leaf, new TreeMap<>()).remove(id);
        });
        for (int leaf : doubled) {
            List<Long> others = members.stream().filter(id -> !id.equals(next.owners.get(leaf)) && !next.checkers.getOrDefault(leaf, List.of()).contains(id)).toList();
            if (!others.isEmpty() && next.wantsChecker(leaf)) {
                long id = Shares.first(others, load, weights);
                next.checkers.computeIfAbsent(leaf, _ -> new ArrayList<>()).add(id);
                load.merge(id, 1, Integer::sum);
            }
        }
        return next;
    }

    /// Whether another rank should compute the leaf: only its owner does so far, or all who did have found different things.
    private boolean wantsChecker(int leaf) {
        int asked = checkers.getOrDefault(leaf, List.of()).size();
        return asked == 0 || count(leaf) == asked + 1 && agreed(leaf) == null;
    }

    /// How many ranks have found something about a leaf.
    private int count(int leaf) {
        SortedMap<Long, Leaf> others = checked.get(leaf);
        return (others == null ? 0 : others.size()) + (held.containsKey(leaf) ? 1 : 0);
    }

    /// What was found about a leaf, by rank.
    private SortedMap<Long, Leaf> found(int leaf) {
        var found = new TreeMap<>(checked.getOrDefault(leaf, new TreeMap<>()));
        if (held.containsKey(leaf)) {
            found.put(owners.get(leaf), held.get(leaf));
        }
        return found;
    }

    /// The result that two ranks or more have found and no other as many, or null.
    private Leaf agreed(int leaf) {
        if (count(leaf) < 2) {
            return null;
        }
        Leaf own = held.get(leaf);
        SortedMap<Long, Leaf> others = checked.get(leaf);
        if (own != null && others.size() == 1) {                         // the usual two
            return own.sameDigest(others.get(others.firstKey())) ? own : null;
        }
        return Odd.most(found(leaf), Leaf::sameDigest, 2);
    }

    boolean isOwner(long id, int leaf) {
        return owners.getOrDefault(leaf, id + 1) == id;
    }

    boolean isAsked(long id, Leaf leaf) {
        return leaf.check() ? checkers.getOrDefault(leaf.index(), List.of()).contains(id) : isOwner(id, leaf.index());
    }

    /// What this rank has told about the leaf before, in the same role, or null.
    Leaf told(long id, Leaf leaf) {
        return leaf.check() ? checked.getOrDefault(leaf.index(), new TreeMap<>()).get(id) : held.get(leaf.index());
    }

    /// The same with one result more; what does not change is shared, since one comes for every leaf of a step.
    Work with(long id, Leaf leaf) {
        if (!leaf.check()) {
            var more = new TreeMap<>(held);
            more.put(leaf.index(), leaf);
            return new Work(step, since, leaves, doubled, owners, more, checkers, checked, tries);
        }
        var more = new TreeMap<>(checked);
        var found = new TreeMap<>(checked.getOrDefault(leaf.index(), new TreeMap<>()));
        found.put(id, leaf);
        more.put(leaf.index(), found);
        return new Work(step, since, leaves, doubled, owners, held, checkers, more, tries);
    }

    /// The leaves that each rank owns and has still to compute; only ranks that have some are named.
    Map<Long, List<Integer>> todo() {
        var todo = new HashMap<Long, List<Integer>>();
        owners.forEach((leaf, id) -> {
            if (!held.containsKey(leaf)) {
                todo.computeIfAbsent(id, _ -> new ArrayList<>()).add(leaf);
            }
        });
        return todo;
    }

    /// The leaves that each rank has still to compute for others; only ranks that have some are named.
    Map<Long, List<Integer>> toCheck() {
        var toCheck = new HashMap<Long, List<Integer>>();
        checkers.forEach((leaf, ids) -> ids.forEach(id -> {
            if (!checked.getOrDefault(leaf, new TreeMap<>()).containsKey(id)) {
                toCheck.computeIfAbsent(id, _ -> new ArrayList<>()).add(leaf);
            }
        }));
        return toCheck;
    }

    /// The leaves at each member, also where there are none.
    SortedMap<Long, List<Integer>> holders(List<Long> members) {
        var holders = new TreeMap<Long, List<Integer>>();
        members.forEach(id -> holders.put(id, new ArrayList<>()));
        held.keySet().forEach(leaf -> holders.get(owners.get(leaf)).add(leaf));
        return holders;
    }

    /// Who has found something about a leaf that others, who agree, have not; with the reason.
    SortedMap<Long, String> odd() {
        var odd = new TreeMap<Long, String>();
        for (int leaf : doubled) {
            Leaf agreed = count(leaf) > 2 ? agreed(leaf) : null;         // of two that agree none differs
            if (agreed != null) {
                found(leaf).forEach((id, its) -> {
                    if (!its.sameDigest(agreed)) {
                        odd.put(id, "quarantined: leaf %d of step %d has digest %016x%016x there, %016x%016x at others".formatted(leaf, step, its.high(), its.low(), agreed.high(), agreed.low()));
                    }
                });
            }
        }
        return odd;
    }

    /// A doubled leaf about which all members have told different things, or -1: then nobody can say who errs.
    int hopeless(List<Long> members) {
        return doubled.stream().filter(leaf -> members.size() > 1 && count(leaf) >= members.size() && found(leaf).keySet().containsAll(members) && agreed(leaf) == null).findFirst().orElse(-1);
    }

    /// Whether every leaf is at its owner, and two agree on each doubled one where there are two.
    boolean isComplete(List<Long> members) {
        return held.size() == leaves && (members.size() == 1 || doubled.stream().allMatch(leaf -> agreed(leaf) != null));
    }
}
