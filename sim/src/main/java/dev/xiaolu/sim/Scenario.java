package dev.xiaolu.sim;

import dev.xiaolu.platform.Faults;
import dev.xiaolu.recover.Plan;
import dev.xiaolu.recover.Settings;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/// What is simulated: a run and what goes wrong in it. Two runs of one scenario are the same, event by event.
///
/// @param nodes how many ranks the run begins with
/// @param steps how many steps it has
/// @param leaves how many gradient leaves each step has
/// @param faults the kinds of faults
/// @param seed decides everything that is left open
/// @param asked whether somebody asks the run to end before its last step
/// @param mingled whether sums hold parts of other ranks' leaves, so that a step that loses a rank begins anew
public record Scenario(int nodes, int steps, int leaves, Set<FaultKind> faults, long seed, boolean asked, boolean mingled) implements Plan {
    /// More ranks than this are not simulated.
    public static final int MOST_NODES = 1000;

    private static final int MOST_STEPS = 100_000, MOST_LEAVES = 100_000;
    private static final int DOUBLED = 16;                               // one leaf in so many is computed by two ranks
    private static final int CHECKPOINTS = 5;

    public Scenario {
        faults = Collections.unmodifiableSet(new TreeSet<>(faults));
        new Faults("simulation")
            .that(nodes >= 1 && nodes <= MOST_NODES, "--nodes is %d, wanted 1 to %d", nodes, MOST_NODES)
            .that(steps >= 1 && steps <= MOST_STEPS, "--steps is %d, wanted 1 to %d", steps, MOST_STEPS)
            .that(leaves >= 1 && leaves <= MOST_LEAVES, "--leaves is %d, wanted 1 to %d", leaves, MOST_LEAVES)
            .that(nodes >= 3 || !faults.contains(FaultKind.FLIP), "--faults has flip with %d nodes, wanted at least 3: of two that differ nobody can say who errs", nodes)
            .throwIfAny();
    }

    /// A scenario that ends with its last step.
    public Scenario(int nodes, int steps, int leaves, Set<FaultKind> faults, long seed) {
        this(nodes, steps, leaves, faults, seed, false);
    }

    /// A scenario whose ranks sum their own leaves and nothing else.
    public Scenario(int nodes, int steps, int leaves, Set<FaultKind> faults, long seed, boolean asked) {
        this(nodes, steps, leaves, faults, seed, asked, false);
    }

    /// The same with sums that hold parts of others' leaves.
    public Scenario withMingledSums() {
        return new Scenario(nodes, steps, leaves, faults, seed, asked, true);
    }

    /// The same run with nothing that goes wrong.
    public Scenario calm() {
        return new Scenario(nodes, steps, leaves, EnumSet.noneOf(FaultKind.class), seed, false, mingled);
    }

    /// The same with another seed.
    public Scenario withSeed(long other) {
        return new Scenario(nodes, steps, leaves, faults, other, asked, mingled);
    }

    /// The line that replays it.
    public String command() {
        return "./xiaolu sim --nodes %d --steps %d --leaves %d --faults %s --seed %d%s".formatted(nodes, steps, leaves, FaultKind.words(faults), seed, mingled ? " --mingled" : "");
    }

    @Override public int leavesOf(long step) {
        return leaves;
    }

    @Override public long lastStep() {
        return steps;
    }

    @Override public boolean isCheckpointStep(long step) {
        return step % Math.max(1, steps / CHECKPOINTS) == 0;
    }

    @Override public List<Integer> doubled(long step) {
        return nodes < 3 ? List.of() : IntStream.iterate((int) (step % Math.min(DOUBLED, leaves)), leaf -> leaf < leaves, leaf -> leaf + DOUBLED).boxed().toList();
    }

    /// What the control plane is told. Three ranks are the fewest among which one that errs can be found.
    Settings settings() {
        return new Settings(nodes, nodes < 3 ? 1 : Math.max(3, nodes / 2), 2, 0, true, fingerprint(), this, mingled);
    }

    static TreeMap<String, String> fingerprint() {
        return new TreeMap<>(Map.of("program", "simulated", "arithmetic", "integers"));
    }
}
