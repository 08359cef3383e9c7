package dev.xiaolu.consensus;

import io.microraft.RaftEndpoint;

/// A replica as the library sees it; the id alone tells who it is.
record Seat(Replica replica) implements RaftEndpoint {
    static Seat of(RaftEndpoint endpoint) {
        return (Seat) endpoint;
    }

    /// Somebody of whom no more than the id is known, nor needed.
    static Seat of(long id) {
        return new Seat(new Replica(id, "", 0));
    }

    long id() {
        return replica.id();
    }

    @Override public Object getId() {
        return id();
    }

    @Override public boolean equals(Object other) {
        return other instanceof Seat seat && seat.id() == id();
    }

    @Override public int hashCode() {
        return Long.hashCode(id());
    }
}
