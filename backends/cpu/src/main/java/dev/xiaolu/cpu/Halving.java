package dev.xiaolu.cpu;

import dev.xiaolu.op.Numerics;

/// [dev.xiaolu.tensor.Sums#halve] without a loop or a store: of a short row it was half of the work of a sum.
///
/// On floats, not on vectors: inlined into a kernel they would bring it near the size behind which the compiler makes vectors objects.
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
