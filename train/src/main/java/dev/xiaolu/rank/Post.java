package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import java.time.Duration;

/// Sends messages to processes of the run, this one included: where a rank and a replica share a process, what one sends to the other takes no wire. Thread-safe.
///
/// @param endpoint to the others
/// @param own      takes what is sent to this process, on the sender's thread
record Post(Endpoint endpoint, Endpoint.Receiver own) {
    long self() {
        return endpoint.self();
    }

    boolean send(long to, Message message) {
        if (to != self()) {
            return endpoint.send(to, message);
        }
        own.received(to, message);
        return true;
    }

    void know(long id, String host, int port) {
        if (id != self()) {
            endpoint.know(id, host, port);
        }
    }

    void forget(long id) {
        if (id != self()) {
            endpoint.forget(id);
        }
    }

    void drain(long id, Duration patience) {
        if (id != self()) {
            endpoint.drain(id, patience);
        }
    }
}
