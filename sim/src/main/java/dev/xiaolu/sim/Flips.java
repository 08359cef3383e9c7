package dev.xiaolu.sim;

import java.util.function.LongConsumer;

/// Bits that are to flip: each strikes the next rank that computes a doubled leaf, or that stages weights. At most one strikes in a step, so that there is always a majority.
final class Flips {
    private final Draws draws;
    private final LongConsumer struck;
    private int leaves, weights;
    private long lastStep;

    /// `struck` is told each rank that a flip has struck.
    Flips(Draws draws, LongConsumer struck) {
        this.draws = draws;
        this.struck = struck;
    }

    void armLeaf() {
        leaves++;
    }

    void armWeights() {
        weights++;
    }

    /// The result of a doubled leaf, as it comes out of rank `id`.
    long leaf(long id, long step, long result) {
        if (leaves == 0 || step == lastStep) {
            return result;
        }
        leaves--;
        return strike(id, step, result);
    }

    /// The weights, as they are staged at rank `id`.
    long weights(long id, long step, long result) {
        if (weights == 0 || step == lastStep) {
            return result;
        }
        weights--;
        return strike(id, step, result);
    }

    private long strike(long id, long step, long result) {
        lastStep = step;
        struck.accept(id);
        return result ^ 1L << draws.below(64);
    }
}
