package dev.xiaolu.cpu;

import dev.xiaolu.op.Numerics;

/// [dev.xiaolu.tensor.Sums#halve] as one expression, without a loop or a store.
///
/// On floats: a form on vectors of falling width left a kernel that used it with vectors that were objects.
final class Halving {
    private Halving() {}

    /// Adds the [Numerics#LANES] lanes from `at` on: lane `j` and lane `j + 16`, then 8, 4, 2, 1.
    static float halve(float[] x, int at) {
        return quarter(x, at) + quarter(x, at + 2) + (quarter(x, at + 1) + quarter(x, at + 3));
    }

    /// The same of an array of as many lanes.
    static float halve(float[] lanes) {
        return halve(lanes, 0);
    }

    /// What halving down to four lanes leaves in the one at `at`.
    private static float quarter(float[] x, int at) {
        return x[at] + x[at + 16] + (x[at + 8] + x[at + 24]) + (x[at + 4] + x[at + 20] + (x[at + 12] + x[at + 28]));
    }
}
