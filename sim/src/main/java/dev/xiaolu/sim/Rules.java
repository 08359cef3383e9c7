package dev.xiaolu.sim;

import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;

/// How a run is steered; [dev.xiaolu.recover.Control#next] unless something broken is to be caught.
@FunctionalInterface
public interface Rules {
    Next next(State state, Event event);
}
