package dev.xiaolu.recover;

import dev.xiaolu.recover.State.Ended;
import dev.xiaolu.recover.State.Failed;
import dev.xiaolu.recover.State.Settling;
import dev.xiaolu.recover.State.Waiting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Who takes part: losses, new generations, going back to a checkpoint, and the ends of a run.
record Membership(Settings settings) {
    /// Some are lost, each for a reason.
    Next lost(State state, Map<Long, String> whys) {
        var fences = new ArrayList<Action>();
        new TreeMap<>(whys).forEach((id, why) -> fences.add(new Action.Fence(id, why)));
        Run run = state.run(), left = run.without(whys.keySet());
        if (left.members().size() == run.members().size()) {             // candidates alone
            return Next.of(state.with(left)).after(fences);
        }
        Run next = left.withGeneration(run.generation() + 1);
        return (state instanceof Waiting(_, long since) ? waiting(next, since) : layout(next)).after(fences);
    }

    /// Begins a generation with all members; candidates come in where nothing is under way, or where they are needed.
    Next layout(Run run) {
        List<Long> gone = run.settled().stream().filter(run.fenced()::contains).toList();
        if (!run.settled().isEmpty() && !Ring.survives(run.settled(), gone, settings.copies())) {
            return rewind(run, gone);
        }
        if (run.stopping() != null && run.members().isEmpty()) {
            return ended(run);
        }
        boolean few = run.members().size() < fewest(run);
        if (few && run.everybody().size() < fewest(run)) {
            return waiting(run, run.generation()).after(new Action.Wait(run.generation(), run.everybody().size(), settings.fewest()));
        }
        boolean between = run.work() == null && !isEnding(run);
        Run whole = settings.mingled() && run.work() != null && !isAnew(run) ? run.withWork(run.work().anew(run.generation(), settings.plan())) : run;
        Run in = few || between ? whole.withCandidatesIn() : whole;
        List<Long> newcomers = in.ids().stream().filter(id -> !in.settled().contains(id)).toList();
        return Next.of(new Settling(in, Set.of()), new Action.Layout(in.generation(), in.members(), in.settled(), in.base(), in.committed(), newcomers, isAnew(in)));
    }

    /// A step that began in this very generation, before it has settled, is one that is repeated, or that begins anew after a loss.
    private static boolean isAnew(Run run) {
        return run.work() != null && run.work().since() == run.generation();
    }

    /// Throws away what is known of the step under way, and begins it once more with its leaves at other members.
    Next repeat(Run run, String why) {
        long next = run.generation() + 1;
        return layout(run.withGeneration(next).withWork(run.work().again(next, settings.plan()))).after(new Action.Repeated(next, run.work().step(), why));
    }

    /// Whoever is left when all is done may save it alone.
    private int fewest(Run run) {
        return isEnding(run) && !run.members().isEmpty() ? 1 : settings.fewest();
    }

    /// Whether no further step is to begin.
    boolean isEnding(Run run) {
        return run.work() == null && (run.stopping() != null || run.committed() >= settings.plan().lastStep());
    }

    private Next waiting(Run run, long since) {
        return Next.of(new Waiting(run, since));
    }

    private Next rewind(Run run, List<Long> gone) {
        return rewind(run, "ranks %s of %s are lost, and with them state of step %d that lives at %d neighbours".formatted(gone, run.settled(), run.committed(), settings.copies()), Run.NONE);
    }

    /// A checkpoint that cannot be read counts no more; those who were about to begin from it go further back.
    Next damaged(State state, Event.Damaged damaged) {
        Run run = state.run();
        boolean counts = run.durable() == damaged.step(), begins = (state instanceof Settling || state instanceof Waiting) && run.settled().isEmpty() && run.committed() == damaged.step();
        if (damaged.newest() >= damaged.step() || !counts && !begins) {
            return Next.ignore(state);
        }
        Run left = counts || damaged.newest() > run.durable() && begins ? run.withDurable(damaged.newest()) : run;
        return begins ? rewind(left.withGeneration(run.generation() + 1), "the checkpoint of step %d cannot be read".formatted(damaged.step()), damaged.step()) : Next.of(state.with(left));
    }

    /// @param damaged a step that cannot be gone back to
    private Next rewind(Run run, String why, long damaged) {
        long to = run.durable() != Run.NONE ? run.durable() : settings.fromAgain() && settings.from() != damaged ? settings.from() : Run.NONE;
        if (to == Run.NONE) {
            return failed(run, why + "; there is no checkpoint to go back to");
        }
        Run back = run.rewound(to);
        return (back.stopping() != null ? ended(back) : layout(back)).after(new Action.Rewound(run.generation(), to, why));
    }

    Next failed(Run run, String why) {
        return Next.of(new Failed(run, why), new Action.Failed(why));
    }

    /// Everything is over, as far as it was meant to go.
    Next ended(Run run) {
        String why = run.stopping() != null ? "stopped: " + run.stopping() : "all steps are done";
        var actions = new ArrayList<Action>();
        if (!run.everybody().isEmpty()) {
            actions.add(new Action.Finish(run.committed(), run.everybody()));
        }
        actions.add(new Action.Ended(run.committed(), run.durable(), why));
        return new Next(new Ended(run, why), actions);
    }
}
