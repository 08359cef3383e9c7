package dev.xiaolu.recover;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// One rank of a [Simulation]: adds each leaf to one running sum, as a real one does, and checks what it is told against what it holds.
final class SimulatedRank {
    final long id;
    boolean alive = true, errs;

    private final Simulation simulation;
    private final Set<Integer> added = new HashSet<>(), compared = new HashSet<>();
    private long generation, weights, step, sum, stagedWeights, work = -1;
    private int orders;

    SimulatedRank(long id, Simulation simulation) {
        this.id = id;
        this.simulation = simulation;
    }

    private void want(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError("rank " + id + ": " + what);
        }
    }

    private void answer(int most, Event.FromRank event) {
        simulation.later(most, () -> {
            if (alive) {
                simulation.tell(event);
            }
        });
    }

    void receive(Action.Order order) {
        if (!alive) {
            return;
        }
        switch (order) {
            case Action.Layout layout -> layout(layout);
            case Action.Settled(long g, _) -> want(g == generation, "settled in " + g + " while in " + generation);
            case Action.Compute compute -> {
                begin(compute.step());
                orders++;
                computeNext(new ArrayList<>(compute.leaves()), new ArrayList<>(compute.checks()), orders);
            }
            case Action.Reduce reduce -> {
                begin(reduce.step());
                want(added.equals(new HashSet<>(reduce.holders().get(id))), "has summed " + added + ", is to count for " + reduce.holders().get(id));
                answer(15, new Event.Reduced(id, generation, step, List.of(sum, (long) added.size())));
            }
            case Action.Update update -> {
                want(update.totals().get(1) == simulation.leavesOf(step), "totals are of " + update.totals().get(1) + " leaves");
                stagedWeights = Simulation.updated(weights, update.totals().get(0));
                answer(15, new Event.Staged(id, generation, step, new TreeMap<>(Map.of("weights", Long.toHexString(stagedWeights), "state-" + id, "own"))));
            }
            case Action.Commit commit -> {
                want(commit.step() == step, "commits " + commit.step() + " at " + step);
                weights = stagedWeights;
                Long before = simulation.committedWeights.put(step, weights);
                want(before == null || before == weights, "other weights than before at step " + step);
                work = -1;
            }
            case Action.Save save -> save(save);
            case Action.Finish _ -> alive = false;
        }
    }

    private void layout(Action.Layout layout) {
        want(layout.generation() > generation, "generation " + layout.generation() + " after " + generation);
        generation = layout.generation();
        List<Long> old = layout.settled();
        for (int i = 0; i < old.size(); i++) {
            want(layout.base().contains(old.get(i)) || layout.base().contains(old.get((i + 1) % old.size())), "part " + i + " of the state is nowhere: " + layout);
        }
        if (!layout.base().contains(id)) {
            step = layout.committed();
            work = -1;
            orders++;                                                    // what was being computed is of an undone history
            fetch(layout);
            return;
        }
        want(step == layout.committed() || step == layout.committed() + 1, "has step " + step + ", the layout " + layout.committed());
        answer(25, new Event.Ready(id, generation));
    }

    /// Takes the state from the checkpoint, or from a rank that has committed it: one may hear of its commit later than this rank of the layout.
    private void fetch(Action.Layout layout) {
        simulation.later(15, () -> {
            if (!alive || layout.generation() != generation) {
                return;
            }
            Long there = layout.committed() == 0 ? Long.valueOf(0) : (layout.settled().isEmpty() ? simulation.checkpoints : simulation.committedWeights).get(layout.committed());
            if (there == null) {
                fetch(layout);
                return;
            }
            weights = there;
            simulation.tell(new Event.Ready(id, generation));
        });
    }

    private void begin(long next) {
        if (work != next) {
            work = next;
            step = next;
            sum = 0;
            added.clear();
            compared.clear();
        }
    }

    /// One leaf after another, or two at once, until a later order takes over.
    private void computeNext(List<Integer> leaves, List<Integer> checks, int order) {
        leaves.removeAll(added);
        checks.removeAll(compared);
        if (leaves.isEmpty() && checks.isEmpty()) {
            return;
        }
        simulation.later(8, () -> {
            if (!alive || order != orders || work != step) {
                return;
            }
            var done = new ArrayList<Leaf>();
            for (int i = 0; i < 2 && !leaves.isEmpty(); i++) {
                int leaf = leaves.removeFirst();
                long gradient = Simulation.gradient(step, leaf, weights);
                added.add(leaf);
                sum += gradient;
                done.add(new Leaf(leaf, false, gradient, errs && simulation.doubled(step).contains(leaf) ? id : 0));
            }
            if (done.isEmpty()) {
                int leaf = checks.removeFirst();
                compared.add(leaf);
                done.add(new Leaf(leaf, true, Simulation.gradient(step, leaf, weights), errs ? id : 0));
            }
            simulation.tell(new Event.Computed(id, generation, step, done));
            computeNext(leaves, checks, order);
        });
    }

    private void save(Action.Save save) {
        long saved = weights;
        if (simulation.random.nextInt(6) == 0) {
            answer(80, new Event.SaveFailed(id, save.generation(), save.step(), "no space left on the disk"));
            return;
        }
        simulation.later(80, () -> {
            if (alive) {
                simulation.checkpoints.put(save.step(), saved);
                simulation.tell(new Event.Saved(id, save.generation(), save.step()));
                if (simulation.random.nextInt(10) == 0 && simulation.faults > 0) {
                    simulation.crash(this, "the process has ended");
                }
            }
        });
        if (simulation.random.nextInt(8) == 0 && simulation.faults > 0) {
            simulation.later(40, () -> simulation.crash(this, "the process has ended"));
        }
    }
}
