package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LANES;

/// The two orders in which floats are added, spelled out: halving of lanes and the balanced tree by position.
public final class Sums {
    private Sums() {}

    /// Adds [dev.xiaolu.op.Numerics#LANES] lanes: lane `j` and lane `j + 16`, then 8, 4, 2, 1. Changes `lanes`.
    public static float halve(float[] lanes) {
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int lane = 0; lane < half; lane++) {
                lanes[lane] += lanes[lane + half];
            }
        }
        return lanes[0];
    }

    /// Adds the first `count` leaves in the balanced tree by position: node `i` of a level is the sum of nodes `2i` and `2i + 1` of the level below;
    /// a missing right child passes the left one on. Changes `leaves`. No leaves give +0.
    public static float tree(float[] leaves, int count) {
        if (count == 0) {
            return 0;
        }
        for (int width = count; width > 1; width = (width + 1) / 2) {
            for (int node = 0; node < (width + 1) / 2; node++) {
                leaves[node] = 2 * node + 1 < width ? leaves[2 * node] + leaves[2 * node + 1] : leaves[2 * node];
            }
        }
        return leaves[0];
    }
}
