package dev.xiaolu.sim;

import java.util.List;
import java.util.Map;
import java.util.Set;

/// What became of a simulated run.
///
/// @param injected how many faults of each kind came
/// @param recoveries how often the run went on after members were lost
/// @param detection from the moment a rank falls into a fault until it is given up
/// @param recovery from then until all members of the next generation are at work
/// @param events how many events reached the control plane
/// @param nanos how long the run took, in simulated nanoseconds
/// @param goodput the time that a calm run needs for the same steps, as a share of the time that this one needed
/// @param committed the last step that counts
/// @param end the words with which the run ended
/// @param digest totals and weights of all steps in one number
/// @param calmDigest that of a calm run
/// @param history SHA-256 of the lines of its history, the first 16 digits: the same for the same scenario
/// @param violations the invariants that were broken, none if all is well
/// @param branches the rare ways that the run took
public record Outcome(Scenario scenario, Map<FaultKind, Integer> injected, int recoveries, Times detection, Times recovery, long events, long nanos, double goodput,
        long committed, String end, long digest, long calmDigest, String history, List<String> violations, Set<Branch> branches) {
    public Outcome {
        injected = Map.copyOf(injected);
        violations = List.copyOf(violations);
        branches = Set.copyOf(branches);
    }

    /// Whether the run ended in the bits of a calm one and broke nothing.
    public boolean isSound() {
        return digest == calmDigest && violations.isEmpty();
    }
}
