package dev.xiaolu.recover;

import dev.xiaolu.platform.RandomKey;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;

/// A whole run in one thread: ranks that do real sums on small numbers, a network with delays that keeps the order of each pair, and faults, all from one seed.
final class Simulation implements Plan {
    static final TreeMap<String, String> FINGERPRINT = new TreeMap<>(Map.of("program", "1", "arithmetic", "a", "config", "c"));

    private record Due(long at, long number, Runnable what) {}

    final Random random;
    final Settings settings;
    final Control control;
    final List<History.Turn> turns = new ArrayList<>();
    final TreeMap<Long, Long> committedWeights = new TreeMap<>();        // step: weights that all ranks had
    final TreeMap<Long, Long> checkpoints = new TreeMap<>();             // step: weights on disk
    final TreeSet<String> reached = new TreeSet<>();
    State state;
    int faults;
    long now;

    private final PriorityQueue<Due> queue = new PriorityQueue<>(Comparator.comparingLong(Due::at).thenComparingLong(Due::number));
    private final Map<Long, Long> lastToControl = new HashMap<>(), lastToRank = new HashMap<>();
    private final Map<Long, SimulatedRank> ranks = new TreeMap<>();
    private final HistoryCheck check;
    private final List<Event> sent = new ArrayList<>();
    private final int lastStep;
    private final boolean doubling;
    private long numbers, nextId = 1;

    Simulation(long seed) {
        random = new Random(seed);
        int wanted = 1 + random.nextInt(6);
        lastStep = 4 + random.nextInt(8);
        doubling = random.nextInt(3) == 0 && wanted >= 3;
        faults = random.nextInt(8);
        settings = new Settings(wanted, Math.max(doubling ? 3 : 1, random.nextInt(wanted + 1)), 2, 0, true, FINGERPRINT, this);
        control = new Control(settings);
        check = new HistoryCheck(this, 0);
        state = control.start();
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

    @Override public List<Integer> doubled(long step) {
        return doubling ? List.of((int) (step % leavesOf(step))) : List.of();
    }

    /// What a leaf adds, from the weights before the step.
    static long gradient(long step, int leaf, long weights) {
        return RandomKey.mix(weights ^ step * 1000 + leaf);
    }

    static long updated(long weights, long total) {
        return RandomKey.mix(weights + 31 * total);
    }

    /// The weights after the last step of a run without faults.
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

    void later(int most, Runnable what) {
        queue.add(new Due(now + 1 + random.nextInt(most), numbers++, what));
    }

    /// On its way to the control plane; in order for each rank.
    void tell(Event.FromRank event) {
        long at = Math.max(now + 1 + random.nextInt(10), lastToControl.getOrDefault(event.id(), 0L));
        lastToControl.put(event.id(), at);
        queue.add(new Due(at, numbers++, () -> happens(event)));
        sent.add(event);
    }

    void happens(Event event) {
        Next next = control.next(state, event);
        note(event, next);
        state = next.state();
        turns.add(new History.Turn(event, next.actions()));
        check.see(event, next.actions());
        next.actions().forEach(this::act);
    }

    private void act(Action action) {
        switch (action) {
            case Action.Order order -> order.to().forEach(id -> {
                long at = Math.max(now + 1 + random.nextInt(10), lastToRank.getOrDefault(id, 0L));
                lastToRank.put(id, at);
                queue.add(new Due(at, numbers++, () -> ranks.get(id).receive(order)));
            });
            case Action.Fence(long id, _) -> {
                SimulatedRank rank = ranks.get(id);
                if (random.nextInt(4) > 0) {
                    rank.alive = false;                                  // otherwise it goes on for a while, as one behind a broken network does
                } else {
                    later(300, () -> rank.alive = false);
                }
                later(60, this::join);
            }
            case Action.Refuse _ -> later(40, this::join);
            case Action.Wait(long generation, _, _) -> {
                later(40, this::join);
                queue.add(new Due(now + 100_000, numbers++, () -> happens(new Event.WaitDeadline(generation))));
            }
            default -> { }
        }
    }

    void join() {
        long id = nextId++;
        var fingerprint = new TreeMap<>(FINGERPRINT);
        if (random.nextInt(12) == 0) {
            fingerprint.put("config", "other");
        }
        ranks.put(id, new SimulatedRank(id, this));
        happens(new Event.Joined(new Member(id, "host" + id % 2, (int) (7000 + id), id), fingerprint));
    }

    /// A rank dies now and is missed somewhat later.
    void crash(SimulatedRank rank, String why) {
        if (rank.alive) {
            rank.alive = false;
            later(30, () -> happens(new Event.Lost(rank.id, why)));
        }
    }

    private void fault() {
        List<SimulatedRank> living = ranks.values().stream().filter(rank -> rank.alive).toList();
        if (state.isOver() || living.isEmpty()) {
            return;
        }
        switch (random.nextInt(6)) {
            case 0, 1 -> crash(living.get(random.nextInt(living.size())), "the process has ended");
            case 2 -> {
                crash(living.get(random.nextInt(living.size())), "the process has ended");
                crash(living.get(random.nextInt(living.size())), "the host is gone");
            }
            case 3 -> happens(new Event.Lost(living.get(random.nextInt(living.size())).id, "silent for 9000 ms"));
            case 4 -> join();
            default -> living.get(random.nextInt(living.size())).errs = doubling && ranks.values().stream().noneMatch(rank -> rank.errs);
        }
        var weights = new TreeMap<Long, Integer>();
        living.forEach(rank -> weights.put(rank.id, 10 + random.nextInt(200)));
        happens(new Event.Speeds(weights));
    }

    private void note(Event event, Next next) {
        boolean isLoss = next.actions().stream().anyMatch(Action.Fence.class::isInstance);
        if (isLoss) {
            reached.add("lost while " + state.getClass().getSimpleName());
        }
        if (isLoss && !state.run().saves().isEmpty() && next.state().run().saves().size() < state.run().saves().size()) {
            reached.add("lost while saving");
        }
        next.actions().forEach(action -> {
            switch (action) {
                case Action.Rewound _, Action.Refuse _, Action.Wait _, Action.Fenced _, Action.NotSaved _, Action.Durable _, Action.Ended _ -> reached.add(action.getClass().getSimpleName());
                case Action.Layout(_, _, List<Long> settled, _, _, List<Long> newcomers) when !settled.isEmpty() && !newcomers.isEmpty() -> reached.add("newcomers");
                case Action.Fence(_, String why) when why.startsWith("quarantined") -> reached.add("quarantined");
                case Action.Fence(_, String why) when why.startsWith("broke the protocol") -> throw new AssertionError(why);
                default -> { }
            }
        });
        if (next.state().run().ignored() > state.run().ignored() && event instanceof Event.FromRank) {
            reached.add("stale message");
        }
    }

    /// Comes once enough have joined: no run of these shall end for want of ranks.
    private void startDeadline() {
        later(60, () -> {
            if (state.run().candidates().size() >= settings.fewest()) {
                happens(new Event.StartDeadline());
            } else if (state instanceof State.Gathering) {
                later(20, this::join);
                startDeadline();
            }
        });
    }

    /// Runs to the end and gives what was wrong.
    List<String> run() {
        for (int i = 0; i < settings.wanted(); i++) {
            later(20, this::join);
        }
        startDeadline();
        for (int i = 0; i < faults; i++) {
            later(700, this::fault);
        }
        for (int i = 0; i < 10; i++) {
            later(1000, () -> {
                if (!sent.isEmpty()) {
                    happens(sent.get(random.nextInt(sent.size())));      // comes once more, however old
                }
            });
        }
        if (random.nextInt(10) == 0) {
            later(500, () -> happens(new Event.Stop("asked to")));
        }
        while (!queue.isEmpty() && !state.isOver() && turns.size() < 20_000) {
            Due due = queue.remove();
            now = due.at;
            due.what.run();
        }
        var wrong = new ArrayList<>(check.faults());
        if (!(state instanceof State.Ended(Run run, String why))) {
            wrong.add("ended as " + state);
        } else if (why.startsWith("all") && run.committed() != lastStep || why.startsWith("all") && run.durable() != lastStep && !reached.contains("NotSaved")) {
            wrong.add("ended at " + run.committed() + " of " + lastStep + ", durable " + run.durable());
        }
        committedWeights.forEach((step, weights) -> {
            if (weights != calmWeights(step)) {
                wrong.add("step %d has other weights than a calm run".formatted(step));
            }
        });
        checkpoints.forEach((step, weights) -> {
            if (weights != calmWeights(step)) {
                wrong.add("checkpoint %d has other weights than a calm run".formatted(step));
            }
        });
        return wrong;
    }
}
