package dev.xiaolu.recover;

import dev.xiaolu.recover.State.Ending;
import java.util.ArrayList;
import java.util.Set;
import java.util.TreeSet;

/// Checkpoints: who is asked for one, what became of it, and the last one before the end.
record Saves(Settings settings) {
    /// That member is asked for the state that is committed now.
    static Run ask(Run run, long id) {
        var saves = new ArrayList<>(run.saves());
        saves.add(new Action.Save(id, run.generation(), run.committed()));
        return run.withSaves(saves);
    }

    /// The last state is saved by the first member that can; then the run is over.
    Next end(Run run, Set<Long> tried) {
        if (run.durable() == run.committed() || run.committed() == settings.from()) {
            return new Membership(settings).ended(run);
        }
        for (Action.Save save : run.saves()) {
            if (save.step() == run.committed()) {
                return Next.of(new Ending(run, tried));                  // somebody is at it
            }
        }
        for (long id : run.ids()) {
            if (!tried.contains(id)) {
                return Next.of(new Ending(ask(run, id), tried), new Action.Save(id, run.generation(), run.committed()));
            }
        }
        return new Membership(settings).ended(run);
    }

    Next saved(State state, Event.Saved saved) {
        Run run = state.run();
        var asked = new Action.Save(saved.id(), saved.generation(), saved.step());
        if (!run.saves().contains(asked)) {
            return Next.ignore(state);
        }
        Run next = run.withSaves(run.saves().stream().filter(save -> !save.equals(asked)).toList());
        if (saved.step() <= run.durable()) {
            return Next.of(state.with(next));
        }
        next = next.withDurable(saved.step());
        Next after = state instanceof Ending(_, Set<Long> tried) ? end(next, tried) : Next.of(state.with(next));
        return after.after(new Action.Durable(saved.step()));
    }

    Next failed(State state, Event.SaveFailed failed) {
        Run run = state.run();
        var asked = new Action.Save(failed.id(), failed.generation(), failed.step());
        if (!run.saves().contains(asked)) {
            return Next.ignore(state);
        }
        Run next = run.withSaves(run.saves().stream().filter(save -> !save.equals(asked)).toList());
        if (!(state instanceof Ending(_, Set<Long> before)) || failed.step() != run.committed()) {
            return Next.of(state.with(next), new Action.NotSaved(failed.step(), failed.why()));
        }
        var tried = new TreeSet<>(before);
        if (failed.generation() == run.generation()) {                   // else members were lost who had a part in it, and whoever is left may do better
            tried.add(failed.id());
        }
        return end(next, tried).after(new Action.NotSaved(failed.step(), failed.why()));
    }
}
