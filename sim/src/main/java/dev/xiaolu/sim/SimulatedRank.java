package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.MILLIS;
import static dev.xiaolu.sim.Timeline.SECONDS;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Leaf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/// One process of a rank: does what the orders of the control plane ask for in simulated time, with [StubArithmetic], and checks what it is told against what it holds.
/// As real ranks do, it goes on computing while members change, and adds each leaf to one running sum.
final class SimulatedRank {
    private static final long BEAT = SECONDS, LEAF = SECONDS;

    private final long id;
    private final World world;
    private final Consumer<Event.FromRank> tell;
    private final Draws draws;
    private final long leafNanos;
    private final Deque<Runnable> held = new ArrayDeque<>();             // what came while the process stood still
    private final Set<Integer> added = new HashSet<>(), compared = new HashSet<>();
    private boolean alive = true, stopped;
    private int slowness = 1, orders;
    private int place, places;                                           // in the ring of the newest layout
    private long generation, weights, stagedWeights, step, sum, work = -1;

    /// `tell` takes what the rank has to say to the coordinator.
    SimulatedRank(long id, World world, Consumer<Event.FromRank> tell) {
        this.id = id;
        this.world = world;
        this.tell = tell;
        this.draws = new Draws(RandomKey.ofSeed(world.scenario().seed()).at("rank").at(id));
        this.leafNanos = draws.between(LEAF * 95 / 100, LEAF * 105 / 100);
    }

    long id() {
        return id;
    }

    boolean isAlive() {
        return alive;
    }

    /// Ends the process.
    void end() {
        alive = false;
        held.clear();
    }

    /// The process stands still until [#go].
    void stop() {
        stopped = true;
    }

    void go() {
        stopped = false;
        while (!held.isEmpty() && !stopped) {
            held.remove().run();
        }
    }

    /// A leaf takes so many times as long as usual, from the next one on.
    void slow(int times) {
        slowness = times;
    }

    /// Lets something happen to the process: now, or once it goes on.
    void awake(Runnable what) {
        if (alive && stopped) {
            held.add(what);
        } else if (alive) {
            what.run();
        }
    }

    private void later(long from, long to, Runnable what) {
        world.timeline().after(draws.between(from, to), () -> awake(what));
    }

    private void want(boolean condition, String format, Object... args) {
        world.truth().want(condition, "rank " + id + ": " + format, args);
    }

    /// Says that it lives, again and again.
    void beat(Runnable heard) {
        world.network().up(id, heard);
        later(BEAT, BEAT + 1, () -> beat(heard));
    }

    void obey(Action.Order order) {
        switch (order) {
            case Action.Layout layout -> layout(layout);
            case Action.Settled(long g, _) -> want(g == generation, "generation %d is settled, this is %d", g, generation);
            case Action.Compute compute -> {
                begin(compute.step());
                orders++;
                computeNext(new ArrayList<>(compute.leaves()), new ArrayList<>(compute.checks()), orders);
            }
            case Action.Reduce reduce -> {
                begin(reduce.step());
                want(added.equals(new HashSet<>(reduce.holders().get(id))), "has summed leaves %s of step %d, is to count for %s", added, step, reduce.holders().get(id));
                var counts = new Event.Reduced(id, generation, step, List.of(sum, (long) added.size()));
                later(5 * MILLIS, 20 * MILLIS, () -> tell.accept(counts));
            }
            case Action.Update update -> update(update);
            case Action.Commit commit -> {
                want(commit.step() == step, "is to commit step %d, is at %d", commit.step(), step);
                weights = stagedWeights;
                world.truth().committed(id, step, weights);
                work = -1;
            }
            case Action.Save save -> save(save);
            case Action.Finish _ -> end();
        }
    }

    private void layout(Action.Layout layout) {
        want(layout.generation() > generation, "generation %d comes after %d", layout.generation(), generation);
        generation = layout.generation();
        places = layout.members().size();
        place = 0;
        while (layout.members().get(place).id() != id) {
            place++;
        }
        if (!layout.base().contains(id)) {
            step = layout.committed();
            work = -1;
            orders++;                                                    // what was being computed is of an undone history
            fetch(layout);
            return;
        }
        if (layout.anew()) {
            work = -1;
            orders++;
        }
        want(step == layout.committed() || step == layout.committed() + 1, "is at step %d, the layout at %d", step, layout.committed());
        var ready = new Event.Ready(id, generation);
        later(50 * MILLIS, 300 * MILLIS, () -> tell.accept(ready));
    }

    /// Takes the state from the checkpoint, or from a rank that has committed it: one may hear of its commit later than this rank of the layout.
    private void fetch(Action.Layout layout) {
        later(100 * MILLIS, 600 * MILLIS, () -> {
            if (layout.generation() != generation) {
                return;
            }
            boolean fromDisk = layout.settled().isEmpty() && layout.committed() > 0;
            Long there = fromDisk ? world.disk().read(layout.committed()) : world.truth().weightsAfter(layout.committed());
            if (there == null) {
                fetch(layout);
                return;
            }
            weights = there;
            tell.accept(new Event.Ready(id, generation));
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

    /// One leaf after another until a later order takes over.
    private void computeNext(List<Integer> leaves, List<Integer> checks, int order) {
        leaves.removeAll(added);
        checks.removeAll(compared);
        if (leaves.isEmpty() && checks.isEmpty()) {
            return;
        }
        long nanos = leafNanos * slowness;
        later(nanos * 98 / 100, nanos * 102 / 100, () -> {
            if (order != orders || work != step) {
                return;
            }
            boolean check = leaves.isEmpty();
            int leaf = check ? checks.removeFirst() : leaves.removeFirst();
            long gradient = StubArithmetic.gradient(step, leaf, weights);
            gradient = world.scenario().doubled(step).contains(leaf) ? world.flips().leaf(id, step, gradient) : gradient;
            (check ? compared : added).add(leaf);
            sum += check ? 0 : gradient;
            tell.accept(new Event.Computed(id, generation, step, List.of(new Leaf(leaf, check, gradient, ~gradient))));
            computeNext(leaves, checks, order);
        });
    }

    private void update(Action.Update update) {
        want(update.totals().get(1) == world.scenario().leavesOf(step), "the totals of step %d are of %d leaves", step, update.totals().get(1));
        stagedWeights = world.flips().weights(id, step, StubArithmetic.updated(weights, update.totals().get(0)));
        var digests = new TreeMap<String, String>();
        digests.put("weights", "%016x".formatted(stagedWeights));
        for (int part : new int[] {place, Math.floorMod(place - 1, places)}) {
            digests.put("state-" + part, "%016x".formatted(StubArithmetic.state(weights, part)));       // its own and its neighbour's
        }
        var staged = new Event.Staged(id, generation, step, digests);
        later(5 * MILLIS, 20 * MILLIS, () -> tell.accept(staged));
    }

    private void save(Action.Save save) {
        long saved = weights;
        if (!world.disk().begin(save.step(), id)) {
            later(5 * MILLIS, 50 * MILLIS, () -> tell.accept(new Event.SaveFailed(id, save.generation(), save.step(), "no space left on the disk")));
            return;
        }
        later(SECONDS / 2, 3 * SECONDS, () -> {
            world.disk().commit(save.step(), id, saved);
            tell.accept(new Event.Saved(id, save.generation(), save.step()));
        });
    }
}
