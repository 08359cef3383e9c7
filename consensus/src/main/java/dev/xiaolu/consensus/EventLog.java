package dev.xiaolu.consensus;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.recover.Event;

/// The events of a run in one order, the same at every replica. What follows from them is the listener's to find out, and is the same everywhere if it finds it out by pure functions.
///
/// Thread-safe.
public interface EventLog extends AutoCloseable {
    /// Adds an event, sooner or later; returns at once. It is kept and offered again until it has been seen applied, or this log is closed, after which nothing happens.
    /// It is applied once, and after those that were appended here before it. An event whose line has more than [#MAX_EVENT_BYTES] is an [IllegalArgumentException].
    void append(Event event);

    /// The newest term this replica knows of; grows, and has one leader at most.
    long term();

    /// Who leads, as far as this replica knows; [Endpoint#NOBODY] where nobody does.
    long leader();

    /// Ends this replica at once, without a word to the others. Once it returns the listener is not called any more, unless it was the listener that closed.
    @Override void close();

    /// The largest event, in bytes of its line.
    int MAX_EVENT_BYTES = 16 << 20;

    /// What a log tells. One call at a time, from a thread of the log's own; the log waits for it before a snapshot, so what takes long is handed over.
    interface Listener {
        /// An event counts. `index` grows from call to call, not without gaps; `term` is that in which it was written down. Both are the same at every replica.
        void applied(long index, long term, Event event);

        /// This replica leads, and has applied everything that was before its term.
        void leading(long term);

        /// This replica leads no longer.
        void following();

        /// All that has followed from the events so far, in whatever form [#restore] takes.
        byte[] snapshot();

        /// Take this, which another replica's listener has written, for what has followed so far. The bytes come from outside and are to be checked.
        void restore(byte[] snapshot);

        /// The log has ended by itself: something here was broken, a method above threw. The other replicas go on.
        void failed(Throwable why);
    }
}
