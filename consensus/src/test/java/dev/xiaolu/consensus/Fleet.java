package dev.xiaolu.consensus;

import dev.xiaolu.consensus.Steering.Numbered;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Plan;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// Ranks that do real sums on small numbers, each on a thread of its own. What one says it says again until it is told that it counts; orders that are not newer than the newest it has
/// seen it leaves aside.
final class Fleet implements Plan, AutoCloseable {
    static final TreeMap<String, String> FINGERPRINT = new TreeMap<>(Map.of("program", "1"));

    private static final long AGAIN_MILLIS = 300;

    final Map<Long, Rank> ranks = new ConcurrentHashMap<>();
    final Map<Long, Long> committedWeights = new ConcurrentSkipListMap<>(), checkpoints = new ConcurrentSkipListMap<>();
    final List<Throwable> faults = new ArrayList<>();
    private final Consumer<Event> network;
    private final int lastStep;
    private volatile boolean closed;

    /// @param network takes what a rank says to some coordinator, or loses it
    Fleet(int lastStep, Consumer<Event> network) {
        this.lastStep = lastStep;
        this.network = network;
    }

    @Override public int leavesOf(long step) {
        return 1 + (int) (step * 7 % 11);
    }

    @Override public long lastStep() {
        return lastStep;
    }

    @Override public boolean isCheckpointStep(long step) {
        return step % 3 == 0;
    }

    private static long gradient(long step, int leaf, long weights) {
        return RandomKey.mix(weights ^ step * 1000 + leaf);
    }

    private static long updated(long weights, long total) {
        return RandomKey.mix(weights + 31 * total);
    }

    /// The weights after a step of a run without faults.
    long calmWeights(long step) {
        long weights = 0;
        for (long s = 1; s <= step; s++) {
            long total = 0;
            for (int leaf = 0; leaf < leavesOf(s); leaf++) {
                total += gradient(s, leaf, weights);
            }
            weights = updated(weights, total);
        }
        return weights;
    }

    Rank join(long id) {
        var rank = new Rank(id);
        ranks.put(id, rank);
        rank.say(new Event.Joined(new Member(id, "host" + id % 2, (int) (7000 + id), id), FINGERPRINT));
        return rank;
    }

    /// This counts, so nobody says it again.
    void counts(Event event) {
        ranks.values().forEach(rank -> rank.unheard.remove(event));
    }

    /// An order on its way to those it is for, in order for each pair of coordinator and rank.
    void carry(Numbered numbered) {
        switch (numbered.action()) {
            case Action.Order order -> order.to().stream().map(ranks::get).forEach(rank -> rank.orders.add(numbered));
            case Action.Fence(long id, _) -> ranks.get(id).alive = false;
            default -> { }
        }
    }

    @Override public void close() {
        closed = true;
    }

    final class Rank {
        final long id;
        final Set<Event> unheard = ConcurrentHashMap.newKeySet();
        volatile boolean alive = true;
        volatile int doubles;
        private final LinkedBlockingQueue<Numbered> orders = new LinkedBlockingQueue<>();
        private final Set<Integer> added = new HashSet<>();
        private final Random random;
        private Numbered newest;
        private long generation, weights, step, sum, stagedWeights, work = -1, saidMillis;

        Rank(long id) {
            this.id = id;
            this.random = new Random(id);
            Thread.ofVirtual().start(this::run);
        }

        private void run() {
            try {
                while (alive && !closed) {
                    Numbered numbered = orders.poll(50, TimeUnit.MILLISECONDS);
                    if (numbered != null && alive && (newest == null || numbered.compareTo(newest) > 0)) {
                        newest = numbered;
                        obey((Action.Order) numbered.action());
                    } else if (numbered != null) {
                        doubles++;
                    }
                    if (System.currentTimeMillis() - saidMillis > AGAIN_MILLIS) {
                        saidMillis = System.currentTimeMillis();
                        unheard.forEach(network);
                    }
                }
            } catch (InterruptedException | RuntimeException | AssertionError failed) {
                synchronized (faults) {
                    faults.add(failed);
                }
            }
        }

        private void want(boolean condition, String what) {
            if (!condition) {
                throw new AssertionError("rank " + id + ": " + what + ", at order " + newest);
            }
        }

        private void say(Event event) {
            unheard.add(event);
            saidMillis = System.currentTimeMillis();
            network.accept(event);
        }

        private void rest() throws InterruptedException {
            Thread.sleep(random.nextInt(8));
        }

        private void obey(Action.Order order) throws InterruptedException {
            rest();
            switch (order) {
                case Action.Layout layout -> layout(layout);
                case Action.Settled(long g, _) -> want(g == generation, "settled in " + g + " while in " + generation);
                case Action.Compute compute -> compute(compute);
                case Action.Reduce reduce -> {
                    begin(reduce.step());
                    want(added.equals(new HashSet<>(reduce.holders().get(id))), "has summed " + added);
                    say(new Event.Reduced(id, generation, step, List.of(sum, (long) added.size())));
                }
                case Action.Update update -> {
                    want(update.totals().get(1) == leavesOf(step), "totals are of " + update.totals().get(1) + " leaves");
                    stagedWeights = updated(weights, update.totals().getFirst());
                    say(new Event.Staged(id, generation, step, new TreeMap<>(Map.of("weights", Long.toHexString(stagedWeights)))));
                }
                case Action.Commit commit -> {
                    want(commit.step() == step, "commits " + commit.step() + " at " + step);
                    weights = stagedWeights;
                    Long before = committedWeights.put(step, weights);
                    want(before == null || before == weights, "other weights than before at step " + step);
                    work = -1;
                }
                case Action.Save save -> {
                    want(save.step() <= step, "saves " + save.step() + " at " + step);
                    checkpoints.put(save.step(), committedWeights.get(save.step()));
                    say(new Event.Saved(id, save.generation(), save.step()));
                }
                case Action.Finish _ -> alive = false;
            }
        }

        private void layout(Action.Layout layout) throws InterruptedException {
            want(layout.generation() > generation, "generation " + layout.generation() + " after " + generation);
            generation = layout.generation();
            if (layout.base().contains(id)) {
                want(step == layout.committed() || step == layout.committed() + 1, "has step " + step + ", the layout " + layout.committed());
            } else {
                step = layout.committed();
                work = -1;
                while (step > 0 && (layout.settled().isEmpty() ? checkpoints : committedWeights).get(step) == null) {
                    Thread.sleep(5);                                     // somebody hears of its commit later
                }
                weights = step == 0 ? 0 : (layout.settled().isEmpty() ? checkpoints : committedWeights).get(step);
            }
            say(new Event.Ready(id, generation));
        }

        private void begin(long next) {
            if (work != next) {
                work = next;
                step = next;
                sum = 0;
                added.clear();
            }
        }

        private void compute(Action.Compute compute) throws InterruptedException {
            begin(compute.step());
            for (int leaf : compute.leaves()) {
                if (added.add(leaf)) {
                    rest();
                    long gradient = gradient(step, leaf, weights);
                    sum += gradient;
                    say(new Event.Computed(id, generation, step, List.of(new Leaf(leaf, false, gradient, 0))));
                }
            }
        }
    }
}
