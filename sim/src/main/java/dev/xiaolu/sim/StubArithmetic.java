package dev.xiaolu.sim;

import dev.xiaolu.platform.RandomKey;

/// Stands for the arithmetic of training: whole numbers that depend on all that the real ones depend on, and hide no difference.
final class StubArithmetic {
    private StubArithmetic() {}

    /// What a leaf adds to the sum, from the weights before the step.
    static long gradient(long step, int leaf, long weights) {
        return RandomKey.mix(weights ^ RandomKey.mix(step * 1_000_003 + leaf));
    }

    /// The weights after a step, from those before and the sum of all leaves.
    static long updated(long weights, long total) {
        return RandomKey.mix(weights + 31 * total);
    }

    /// The optimizer's state of one part of the parameters, after a step that gave these weights.
    static long state(long weights, int part) {
        return RandomKey.mix(weights ^ ~(long) part);
    }
}
