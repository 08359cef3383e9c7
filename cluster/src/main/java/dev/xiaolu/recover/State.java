package dev.xiaolu.recover;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Where a run stands. Immutable.
public sealed interface State {
    Run run();

    /// The same state of a changed run.
    State with(Run run);

    /// Ranks join; nothing has begun.
    record Gathering(Run run) implements State {
        @Override public State with(Run next) {
            return new Gathering(next);
        }
    }

    /// Too few are left; `since` is the generation in which the waiting began.
    record Waiting(Run run, long since) implements State {
        @Override public State with(Run next) {
            return new Waiting(next, since);
        }
    }

    /// The members take over or make their state; `ready` have it.
    record Settling(Run run, Set<Long> ready) implements State {
        @Override public State with(Run next) {
            return new Settling(next, ready);
        }
    }

    /// Leaves are computed.
    record Computing(Run run) implements State {
        @Override public State with(Run next) {
            return new Computing(next);
        }
    }

    /// Gradients are summed; `counts` have come.
    record Reducing(Run run, SortedMap<Long, List<Long>> counts) implements State {
        @Override public State with(Run next) {
            return new Reducing(next, counts);
        }
    }

    /// New weights are made beside the old ones; `digests` have come.
    record Staging(Run run, List<Long> totals, SortedMap<Long, SortedMap<String, String>> digests) implements State {
        @Override public State with(Run next) {
            return new Staging(next, totals, digests);
        }
    }

    /// The last checkpoint is saved; those in `tried` could not in this generation.
    record Ending(Run run, Set<Long> tried) implements State {
        @Override public State with(Run next) {
            return new Ending(next, tried);
        }
    }

    /// The run is over.
    record Ended(Run run, String why) implements State {
        @Override public State with(Run next) {
            return new Ended(next, why);
        }
    }

    /// The run cannot go on.
    record Failed(Run run, String why) implements State {
        @Override public State with(Run next) {
            return new Failed(next, why);
        }
    }

    /// On whom the run waits now.
    default Set<Long> awaited() {
        var ids = new TreeSet<>(run().ids());
        switch (this) {
            case Settling settling -> ids.removeAll(settling.ready);
            case Computing(Run run) -> {
                var busy = new HashSet<>(run.work().todo().keySet());
                busy.addAll(run.work().toCheck().keySet());
                ids.retainAll(busy);
            }
            case Reducing reducing -> ids.removeAll(reducing.counts.keySet());
            case Staging staging -> ids.removeAll(staging.digests.keySet());
            case Ending(Run run, _) -> ids.retainAll(run.saves().stream().map(Action.Save::id).collect(Collectors.toCollection(HashSet::new)));
            case Gathering _, Waiting _, Ended _, Failed _ -> ids.clear();
        }
        return ids;
    }

    /// Whether nothing will happen any more.
    default boolean isOver() {
        return this instanceof Ended || this instanceof Failed;
    }
}
