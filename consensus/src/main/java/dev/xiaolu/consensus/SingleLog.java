package dev.xiaolu.consensus;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.recover.Event;

/// The log of a coordinator that stands alone: events are applied in the order in which they come. It leads from its first moment on, in term 1, and when its process ends the log is gone.
public final class SingleLog implements EventLog {
    private static final long TERM = 1;

    private final long self;
    private final Listener listener;
    private final Applier applier;
    private long index;
    private volatile boolean closed;

    /// Begins an empty log.
    ///
    /// @param self who leads
    public SingleLog(long self, Listener listener) {
        this.self = self;
        this.listener = listener;
        this.applier = new Applier("xiaolu-log-" + self, why -> {
            closed = true;
            listener.failed(why);
        });
        applier.add(() -> listener.leading(TERM));
    }

    @Override public void append(Event event) {
        applier.add(() -> listener.applied(++index, TERM, event));
    }

    @Override public long term() {
        return TERM;
    }

    @Override public long leader() {
        return closed ? Endpoint.NOBODY : self;
    }

    @Override public void close() {
        closed = true;
        applier.close();
    }
}
