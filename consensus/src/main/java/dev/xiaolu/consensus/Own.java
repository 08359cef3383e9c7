package dev.xiaolu.consensus;

import dev.xiaolu.consensus.Operation.Appended;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/// The events of this replica that do not count yet, oldest first. Used by the replica's thread alone.
final class Own {
    /// So many are offered to a leader before the first of them counts.
    private static final int WINDOW = 1000;

    private final long self;
    private final ArrayDeque<Appended> waiting = new ArrayDeque<>();
    private long numbers, offered, counted, progressNanos = System.nanoTime();
    private long term, leader;

    Own(long self) {
        this.self = self;
    }

    void add(byte[] line) {
        waiting.add(new Appended(self, ++numbers, line));
    }

    /// All up to this number count.
    void counted(long number) {
        counted = Math.max(counted, number);
        progressNanos = System.nanoTime();
        while (!waiting.isEmpty() && waiting.element().number() <= number) {
            waiting.remove();
        }
    }

    /// All are to be offered again.
    void offerAgain() {
        offered = 0;
        progressNanos = System.nanoTime();
    }

    /// Whether something waits and nothing has happened for so long.
    boolean isStuck(long patienceNanos) {
        return !waiting.isEmpty() && System.nanoTime() - progressNanos > patienceNanos;
    }

    /// What that leader has still to be offered, in order; another leader or term is offered all.
    List<Appended> toOffer(long inTerm, long toLeader) {
        if (term != inTerm || leader != toLeader) {
            term = inTerm;
            leader = toLeader;
            offerAgain();
        }
        if (waiting.isEmpty() || offered >= Math.min(numbers, counted + WINDOW)) {
            return List.of();
        }
        var batch = new ArrayList<Appended>();
        for (Appended own : waiting) {
            if (own.number() > counted + WINDOW) {
                break;
            }
            if (own.number() > offered) {
                batch.add(own);
            }
        }
        offered = batch.isEmpty() ? offered : batch.getLast().number();
        return batch;
    }
}
