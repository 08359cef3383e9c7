package dev.xiaolu.sim;

import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.HistoryCheck;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;

/// What must hold, looked at after every event: [HistoryCheck] for the history, and beside it what only the simulated world knows, such as the weights that ranks really have.
final class Truth implements Watcher {
    private static final int MOST = 20;                                  // one broken invariant mostly breaks others

    private final HistoryCheck check;
    private final CheckpointDisk disk;
    private final TreeMap<Long, Long> weights = new TreeMap<>();         // step: weights after it, at the first rank that committed it
    private final List<String> violations = new ArrayList<>();

    Truth(Scenario scenario, CheckpointDisk disk) {
        this.check = new HistoryCheck(scenario, 0);
        this.disk = disk;
        weights.put(0L, 0L);
    }

    void want(boolean condition, String format, Object... args) {
        if (!condition && violations.size() < MOST) {
            violations.add(String.format(Locale.ROOT, format, args));
        }
    }

    /// A rank has these weights after a step: all ranks must, also where the step was undone in between.
    void committed(long id, long step, long its) {
        Long others = weights.putIfAbsent(step, its);
        want(others == null || others == its, "rank %d has weights %016x after step %d, others have %016x", id, its, step, others);
    }

    /// The weights after a step, null where no rank has them yet.
    Long weightsAfter(long step) {
        return weights.get(step);
    }

    @Override public void saw(State before, Event event, Next next) {
        check.see(event, next.actions());
        for (Action action : next.actions()) {
            switch (action) {
                case Action.Durable(long step) -> want(disk.read(step) != null, "checkpoint %d counts, but it is not whole", step);
                case Action.Rewound(_, long step, _) -> want(step == 0 || disk.read(step) != null, "the run goes back to checkpoint %d, which is not whole", step);
                case Action.Layout layout -> somewhere(layout);
                case Action.Fence(long id, String why) -> want(!why.startsWith("broke the protocol"), "rank %d is fenced, though it did as it was told: %s", id, why);
                default -> { }
            }
        }
    }

    /// Part `i` of the state lives at members `i` and `i + 1` of the settled list; one of them must be left.
    private void somewhere(Action.Layout layout) {
        List<Long> settled = layout.settled();
        var base = new HashSet<>(layout.base());
        for (int i = 0; i < settled.size(); i++) {
            want(base.contains(settled.get(i)) || base.contains(settled.get((i + 1) % settled.size())), "generation %d: part %d of the state is nowhere", layout.generation(), i);
        }
    }

    /// All that was wrong so far.
    List<String> violations() {
        var all = new ArrayList<>(check.faults());
        all.addAll(violations);
        return all;
    }
}
