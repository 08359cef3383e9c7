package dev.xiaolu.sim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Many runs that differ in their seeds: all must be sound, and together they must take every branch that their faults open.
///
/// @param outcomes in the order of the seeds
public record Budget(List<Outcome> outcomes) {
    public Budget {
        outcomes = List.copyOf(outcomes);
    }

    /// Simulates `seeds` scenarios like `first`, with its seed and those after it; `done` is told each outcome.
    public static Budget run(Scenario first, int seeds, Consumer<Outcome> done) {
        var outcomes = new ArrayList<Outcome>();
        for (int i = 0; i < seeds; i++) {
            outcomes.add(Simulation.run(first.withSeed(first.seed() + i)));
            done.accept(outcomes.getLast());
        }
        return new Budget(outcomes);
    }

    /// How many runs took each branch that is open to them; 0 is a fault of the budget.
    public Map<Branch, Long> branches() {
        var counts = new EnumMap<Branch, Long>(Branch.class);
        Arrays.stream(Branch.values()).filter(branch -> outcomes.stream().anyMatch(outcome -> branch.isOpen(outcome.scenario())))
                .forEach(branch -> counts.put(branch, outcomes.stream().filter(outcome -> outcome.branches().contains(branch)).count()));
        return counts;
    }

    /// The branches that no run took.
    public List<Branch> missed() {
        return branches().entrySet().stream().filter(entry -> entry.getValue() == 0).map(Map.Entry::getKey).toList();
    }

    /// The runs that ended in other bits or broke something.
    public List<Outcome> unsound() {
        return outcomes.stream().filter(outcome -> !outcome.isSound()).toList();
    }
}
