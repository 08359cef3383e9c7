package dev.xiaolu.recover;

import static dev.xiaolu.platform.Check.check;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/// What a run is told at its start.
///
/// @param wanted so many ranks make the run begin at once
/// @param fewest with fewer the run does not go on
/// @param copies at how many ranks the optimizer state of a parameter lives
/// @param from the step whose state every rank has or makes by itself at the start; 0 is before the first step
/// @param fromAgain whether that state can be had again later (from a seed or a checkpoint), so that a run without a checkpoint of its own can go back to it
/// @param fingerprint what must be the same at every rank: name and value, such as program, arithmetic, config, corpus
/// @param plan what is to be trained
/// @param mingled whether sums of a rank hold parts of leaves of others, which nobody can take out of them: then a step that loses a rank begins anew
public record Settings(int wanted, int fewest, int copies, long from, boolean fromAgain, SortedMap<String, String> fingerprint, Plan plan, boolean mingled) {
    /// Of a run whose ranks sum the leaves that they compute, and nothing else.
    public Settings(int wanted, int fewest, int copies, long from, boolean fromAgain, SortedMap<String, String> fingerprint, Plan plan) {
        this(wanted, fewest, copies, from, fromAgain, fingerprint, plan, false);
    }

    public Settings {
        check(fewest >= 1 && wanted >= fewest, "Settings: %d ranks are wanted and at fewest %d, wanted 1 <= fewest <= wanted", wanted, fewest);
        check(copies >= 1, "Settings: %d copies of the optimizer state, wanted at least 1", copies);
        check(from >= 0, "Settings: the run starts from step %d, wanted 0 or a later one", from);
        fingerprint = Collections.unmodifiableSortedMap(new TreeMap<>(fingerprint));
    }
}
