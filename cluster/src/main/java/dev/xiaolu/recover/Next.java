package dev.xiaolu.recover;

import java.util.ArrayList;
import java.util.List;

/// What follows from a state and an event.
///
/// @param state the next state
/// @param actions what is to be done, in order
public record Next(State state, List<Action> actions) {
    public Next {
        actions = List.copyOf(actions);
    }

    static Next of(State state, Action... actions) {
        return new Next(state, List.of(actions));
    }

    /// Nothing but a count changes.
    static Next ignore(State state) {
        return of(state.with(state.run().ignoring()));
    }

    /// The same after `first` was done.
    Next after(List<? extends Action> first) {
        var all = new ArrayList<Action>(first);
        all.addAll(actions);
        return new Next(state, all);
    }

    Next after(Action first) {
        return after(List.of(first));
    }
}
