package dev.xiaolu.sim;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// What is counted and timed in a simulated run.
final class Measures implements Watcher {
    private final Timeline timeline;
    private final EnumMap<FaultKind, Integer> injected = new EnumMap<>(FaultKind.class);
    private final Map<Long, Long> open = new HashMap<>();                // rank: when it fell into a fault that is not noticed yet
    private final List<Long> losses = new ArrayList<>();                 // when members were given up, of those whose place is still empty
    private final List<Long> detection = new ArrayList<>(), recovery = new ArrayList<>();
    private final TreeMap<Long, Committed> commits = new TreeMap<>();
    private long events;
    private int recoveries;

    /// A step that counts: when it was committed, and its totals and weights in one number.
    private record Committed(long nanos, long digest) {}

    Measures(Timeline timeline) {
        this.timeline = timeline;
    }

    void injected(FaultKind kind) {
        injected.merge(kind, 1, Integer::sum);
    }

    /// A rank falls into something for which it may be given up.
    void falls(long id) {
        open.putIfAbsent(id, timeline.nanos());
    }

    /// It is over, and the rank was not given up.
    void passes(long id) {
        open.remove(id);
    }

    @Override public void saw(State before, Event event, Next next) {
        long now = timeline.nanos();
        events++;
        for (Action action : next.actions()) {
            switch (action) {
                case Action.Fence(long id, _) -> {
                    Long fell = open.remove(id);
                    if (fell != null) {
                        detection.add(now - fell);
                    }
                    if (before.run().ids().contains(id)) {
                        losses.add(now);
                    }
                }
                case Action.Settled _ -> {
                    losses.forEach(lost -> recovery.add(now - lost));
                    recoveries += losses.isEmpty() ? 0 : 1;
                    losses.clear();
                }
                case Action.Committed(long step, List<Long> totals, var digests) ->
                    commits.put(step, new Committed(now, RandomKey.mix(totals.hashCode() ^ RandomKey.mix(Long.parseUnsignedLong(digests.get("weights"), 16)))));
                default -> { }
            }
        }
    }

    /// When a step was last committed, 0 for step 0.
    long committedAt(long step) {
        return step == 0 || !commits.containsKey(step) ? 0 : commits.get(step).nanos;
    }

    /// All steps up to this one in one number: their totals, and the weights that they gave.
    long digest(long step) {
        long digest = 0;
        for (Committed committed : commits.headMap(step, true).values()) {
            digest = RandomKey.mix(digest + committed.digest);
        }
        return digest;
    }

    long events() {
        return events;
    }

    int recoveries() {
        return recoveries;
    }

    Map<FaultKind, Integer> injected() {
        return injected;
    }

    Times detection() {
        return Times.of(detection);
    }

    Times recovery() {
        return Times.of(recovery);
    }
}
