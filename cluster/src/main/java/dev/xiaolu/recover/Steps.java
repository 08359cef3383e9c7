package dev.xiaolu.recover;

import dev.xiaolu.recover.State.Computing;
import dev.xiaolu.recover.State.Reducing;
import dev.xiaolu.recover.State.Settling;
import dev.xiaolu.recover.State.Staging;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/// The way through one step after another: what members say.
record Steps(Settings settings) {
    private Membership members() {
        return new Membership(settings);
    }

    private Saves saves() {
        return new Saves(settings);
    }

    Next heard(State state, Event.FromRank message) {
        return switch (message) {
            case Event.Ready ready -> ready(state, ready);
            case Event.Computed computed -> computed(state, computed);
            case Event.Reduced reduced -> reduced(state, reduced);
            case Event.Staged staged -> staged(state, staged);
            case Event.Saved saved -> saves().saved(state, saved);
            case Event.SaveFailed failed -> saves().failed(state, failed);
        };
    }

    /// Something that a correct rank does not say.
    private Next blame(State state, long id, String format, Object... args) {
        return members().lost(state, Map.of(id, "broke the protocol: " + format.formatted(args)));
    }

    private Next ready(State state, Event.Ready ready) {
        long generation = state.run().generation();
        if (ready.generation() > generation) {
            return blame(state, ready.id(), "ready in generation %d, but %d is the newest", ready.generation(), generation);
        }
        if (ready.generation() < generation || !(state instanceof Settling(Run run, Set<Long> before)) || before.contains(ready.id())) {
            return Next.ignore(state);
        }
        var all = new TreeSet<>(before);
        all.add(ready.id());
        if (all.size() < run.members().size()) {
            return Next.of(new Settling(run, all));
        }
        return proceed(run.withSettled(run.ids())).after(new Action.Settled(generation, run.ids()));
    }

    /// The members are settled: saves what is to be saved, and goes on with the step under way or at the boundary.
    private Next proceed(Run run) {
        if (members().isEnding(run)) {
            return saves().end(run, Set.of());
        }
        boolean due = settings.plan().isCheckpointStep(run.committed()) && run.committed() > Math.max(run.durable(), settings.from());
        if (due && run.saves().stream().noneMatch(save -> save.step() == run.committed())) {
            return proceedSaved(Saves.ask(run, run.ids().getFirst())).after(new Action.Save(run.ids().getFirst(), run.generation(), run.committed()));
        }
        return proceedSaved(run);
    }

    private Next proceedSaved(Run run) {
        return compute(run.work() == null ? run.withWork(Work.begin(run.committed() + 1, run.generation(), settings.plan())) : run);
    }

    /// Asks every member for what it has still to compute. Results that came while members settled are judged first.
    private Next compute(Run run) {
        Next judged = judged(run, run.ids());
        if (judged != null) {
            return judged;
        }
        Run next = run.withWork(run.work().assigned(run.ids(), run.speeds()));
        if (next.work().isComplete(next.ids())) {
            return reduce(next);
        }
        return new Next(new Computing(next), orders(next, next.ids()));
    }

    private static List<Action> orders(Run run, List<Long> ids) {
        Map<Long, List<Integer>> todo = run.work().todo(), toCheck = run.work().toCheck();
        return ids.stream().filter(id -> todo.containsKey(id) || toCheck.containsKey(id))
                .<Action>map(id -> new Action.Compute(id, run.generation(), run.work().step(), todo.getOrDefault(id, List.of()), toCheck.getOrDefault(id, List.of()))).toList();
    }

    private Next computed(State state, Event.Computed computed) {
        Run run = state.run();
        Work work = run.work();
        long id = computed.id();
        boolean givenUp = work == null && run.stopping() != null;
        if (computed.generation() < (work == null ? run.generation() : work.since()) || computed.step() <= run.committed() || givenUp) {
            return Next.ignore(state);                                   // also steps that were undone or given up since, which ranks may still be computing
        }
        if (work == null || computed.generation() > run.generation() || computed.step() > work.step()) {
            return blame(state, id, "computed leaves of step %d in generation %d, which nobody was asked for", computed.step(), computed.generation());
        }
        boolean fresh = false, compared = false;
        for (Leaf leaf : computed.leaves()) {
            if (leaf.check() && work.isOwner(id, leaf.index())) {
                continue;                                                // it was asked to check the leaf before that became its own
            }
            Leaf before = work.told(id, leaf);
            if (!work.isAsked(id, leaf)) {
                return blame(state, id, "computed leaf %d of step %d, which it was not asked for", leaf.index(), work.step());
            }
            if (before != null && !before.sameDigest(leaf)) {
                return blame(state, id, "quarantined: computed leaf %d of step %d twice, with different results", leaf.index(), work.step());
            }
            fresh |= before == null;
            compared |= work.doubled().contains(leaf.index());
            work = before == null ? work.with(id, leaf) : work;
        }
        if (!fresh) {
            return Next.ignore(state);
        }
        Run next = run.withWork(work);
        return state instanceof Computing ? checked(next, compared) : Next.of(state.with(next));
    }

    /// After new results: who errs is lost, who must check more is asked, and once all is there the gradients are summed.
    /// Only results about doubled leaves, `compared`, can change who errs and who is asked.
    private Next checked(Run run, boolean compared) {
        List<Long> ids = run.ids();
        Next judged = compared ? judged(run, ids) : null;
        if (judged != null) {
            return judged;
        }
        if (run.work().isComplete(ids)) {
            return reduce(run);
        }
        Run next = compared ? run.withWork(run.work().assigned(ids, run.speeds())) : run;
        if (next.work() == run.work()) {
            return Next.of(new Computing(next));                         // nearly always
        }
        Map<Long, List<Integer>> before = run.work().toCheck(), after = next.work().toCheck();
        List<Long> asked = ids.stream().filter(id -> !before.getOrDefault(id, List.of()).equals(after.getOrDefault(id, List.of()))).toList();
        return new Next(new Computing(next), orders(next, asked));
    }

    /// What follows where doubled leaves differ: who errs is lost, or nobody can say who does; null where there is nothing to judge.
    private Next judged(Run run, List<Long> ids) {
        SortedMap<Long, String> odd = run.work().odd();
        if (!odd.isEmpty()) {
            return members().lost(new Computing(run), odd);
        }
        int doubt = run.work().hopeless(ids);
        if (doubt < 0) {
            return null;
        }
        String why = "leaf %d of step %d has another result at each of the ranks %s".formatted(doubt, run.work().step(), ids);
        return run.work().tries() == 0 ? members().repeat(run, why)
                : members().failed(run, why + ", and had so before, so nobody can say who errs; resume on other machines, at least three");
    }

    private Next reduce(Run run) {
        return Next.of(new Reducing(run, new TreeMap<>()), new Action.Reduce(run.generation(), run.work().step(), run.work().holders(run.ids())));
    }

    /// Whether an answer belongs to an order that is no longer open.
    private static boolean isOld(Run run, long generation, long step) {
        return generation < run.generation() || generation == run.generation() && step <= run.committed();
    }

    private Next reduced(State state, Event.Reduced reduced) {
        Run run = state.run();
        boolean open = reduced.generation() == run.generation() && reduced.step() == run.committed() + 1;
        if (isOld(run, reduced.generation(), reduced.step()) || open && state instanceof Staging) {
            return Next.ignore(state);
        }
        if (!open || !(state instanceof Reducing(_, SortedMap<Long, List<Long>> before))) {
            return blame(state, reduced.id(), "reduced step %d in generation %d, which nobody was asked for", reduced.step(), reduced.generation());
        }
        if (before.containsKey(reduced.id())) {
            return Next.ignore(state);
        }
        var counts = new TreeMap<>(before);
        counts.put(reduced.id(), reduced.counts());
        if (counts.size() < run.members().size()) {
            return Next.of(new Reducing(run, counts));
        }
        List<Long> usual = Odd.most(counts, (a, b) -> a.size() == b.size(), 1);
        int size = usual == null ? counts.get(run.ids().getFirst()).size() : usual.size();
        var odd = new TreeMap<Long, String>();
        counts.forEach((id, its) -> {
            if (its.size() != size) {
                odd.put(id, "broke the protocol: has %d counts for step %d, others have %d".formatted(its.size(), run.work().step(), size));
            }
        });
        if (!odd.isEmpty()) {
            return members().lost(state, odd);
        }
        long[] totals = new long[size];
        counts.values().forEach(its -> {
            for (int i = 0; i < totals.length; i++) {
                totals[i] += its.get(i);
            }
        });
        List<Long> sums = Arrays.stream(totals).boxed().toList();
        return Next.of(new Staging(run, sums, new TreeMap<>()), new Action.Update(run.generation(), run.work().step(), sums, run.ids()));
    }

    private Next staged(State state, Event.Staged staged) {
        Run run = state.run();
        if (isOld(run, staged.generation(), staged.step())) {
            return Next.ignore(state);
        }
        boolean open = staged.generation() == run.generation() && staged.step() == run.committed() + 1;
        if (!open || !(state instanceof Staging(_, List<Long> totals, SortedMap<Long, SortedMap<String, String>> before))) {
            return blame(state, staged.id(), "staged step %d in generation %d, which nobody was asked for", staged.step(), staged.generation());
        }
        if (before.containsKey(staged.id())) {
            return Next.ignore(state);
        }
        var digests = new TreeMap<>(before);
        digests.put(staged.id(), staged.digests());
        if (digests.size() < run.members().size()) {
            return Next.of(new Staging(run, totals, digests));
        }
        Odd.Verdict verdict = Odd.compare(staged.step(), digests);
        if (!verdict.odd().isEmpty()) {
            return members().lost(state, verdict.odd());
        }
        if (verdict.doubt() != null) {
            return members().failed(run, "%s of step %d differs between the ranks %s, and no value is that of most; resume on other machines, at least three".formatted(verdict.doubt(), staged.step(), run.ids()));
        }
        var agreed = new TreeMap<String, String>();
        digests.values().forEach(agreed::putAll);
        return boundary(run.withCommitted(staged.step())).after(List.of(new Action.Committed(staged.step(), totals, agreed), new Action.Commit(run.generation(), staged.step(), run.ids())));
    }

    /// Between two steps newcomers come in.
    private Next boundary(Run run) {
        return run.candidates().isEmpty() || members().isEnding(run) ? proceed(run) : members().layout(run.withGeneration(run.generation() + 1));
    }
}
