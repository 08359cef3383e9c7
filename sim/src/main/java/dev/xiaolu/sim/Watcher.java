package dev.xiaolu.sim;

import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;

/// Sees each turn of a simulated run: after the control plane has decided, before anything is done.
@FunctionalInterface
interface Watcher {
    void saw(State before, Event event, Next next);
}
