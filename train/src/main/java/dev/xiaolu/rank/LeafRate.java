package dev.xiaolu.rank;

import dev.xiaolu.train.StepPlans;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalDouble;

/// Leaves of committed steps a second, over the last half minute. One thread at a time.
final class LeafRate {
    private static final long WINDOW_NANOS = 30_000_000_000L;

    /// So many leaves were done in all when a step was committed.
    private record Mark(long nanos, long leaves) {}

    private final StepPlans plans;
    private final Deque<Mark> marks = new ArrayDeque<>();
    private long step;
    private long leaves;

    /// From step `done` on.
    LeafRate(StepPlans plans, long done) {
        this.plans = plans;
        step = done;
    }

    /// The newest committed step is this one; one before the last begins the count anew.
    void committed(long now, long nanos) {
        if (now < step) {
            marks.clear();
        }
        if (now != step || marks.isEmpty()) {
            for (; step < now; step++) {
                leaves += plans.at(step + 1).leaves();
            }
            step = now;
            marks.addLast(new Mark(nanos, leaves));
        }
        while (marks.size() > 2 && nanos - marks.getFirst().nanos > WINDOW_NANOS) {
            marks.removeFirst();
        }
    }

    /// Not known before there are two steps to compare. Falls while no step is committed.
    OptionalDouble perSecond(long nanos) {
        if (marks.size() < 2) {
            return OptionalDouble.empty();
        }
        Mark first = marks.getFirst(), last = marks.getLast();
        long took = Math.max(last.nanos - first.nanos, nanos - first.nanos - WINDOW_NANOS);
        return took == 0 ? OptionalDouble.empty() : OptionalDouble.of(Math.round((last.leaves - first.leaves) * 1e11 / took) / 100.0);
    }
}
