package dev.xiaolu.recover;

import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiPredicate;

/// Finds who differs where several ranks should have told the same.
final class Odd {
    private Odd() {}

    /// The value that more ranks have told than any other, if at least `least` have; null where there is none.
    static <T> T most(SortedMap<Long, T> told, BiPredicate<T, T> same, int least) {
        T best = null;
        long bestCount = 0;
        boolean tie = false;
        for (T value : told.values()) {
            if (best != null && same.test(value, best)) {
                continue;                                                // counted already, and mostly that is all
            }
            long count = told.values().stream().filter(other -> same.test(value, other)).count();
            if (best == null || count > bestCount) {
                best = value;
                bestCount = count;
                tie = false;
            } else if (count == bestCount) {
                tie = true;
            }
        }
        return tie || bestCount < least ? null : best;
    }

    /// What one name stands for at several ranks.
    ///
    /// @param odd who differs from most, with the reason
    /// @param doubt the first name about which no value is told by most, or null
    record Verdict(SortedMap<Long, String> odd, String doubt) {}

    /// Compares digests name by name: a rank tells only the names it has.
    static Verdict compare(long step, SortedMap<Long, SortedMap<String, String>> digests) {
        var odd = new TreeMap<Long, String>();
        String doubt = null;
        var byName = new TreeMap<String, SortedMap<Long, String>>();
        digests.forEach((id, lines) -> lines.forEach((name, line) -> byName.computeIfAbsent(name, _ -> new TreeMap<>()).put(id, line)));
        for (String name : byName.keySet()) {
            SortedMap<Long, String> told = byName.get(name);
            String most = most(told, String::equals, 1);
            if (most == null) {
                doubt = doubt == null ? name : doubt;
                continue;
            }
            told.forEach((id, line) -> {
                if (!line.equals(most)) {
                    odd.putIfAbsent(id, "quarantined: %s of step %d is %s there, %s at most".formatted(name, step, line, most));
                }
            });
        }
        return new Verdict(odd, doubt);
    }
}
