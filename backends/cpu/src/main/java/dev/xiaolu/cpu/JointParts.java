package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

/// How the entries of one call are cut where there are fewer units of rows than threads, as in decoding a long context: into runs of `2^level` leaves, each of which is one node of every row's tree.
/// So a thread may work out a node whole, and the nodes merge above it as they would have anyway.
///
/// Filled by the caller's thread; then each part of each unit writes its own nodes, and once all are done they are read.
final class JointParts {
    /// Parts for each thread: enough that none waits long for the last.
    private static final int PER_THREAD = 3;

    private int level;
    private int count = 1;
    private int rows;
    private int stride;                                          // floats of a node: maximum, sum of exponentials, weighted values
    private float[] nodes = {};                                  // [unit, part, row, stride]

    /// Cuts the entries of `problem`, whose rows are `units` units of at most `rows` each.
    void cut(JointProblem problem, int units, int rows, int threads) {
        level = 0;
        count = 1;
        if (problem.gathered || units == 0 || units >= threads) {
            return;
        }
        int leaves = (problem.endOfSeen() + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        int most = (PER_THREAD * threads + units - 1) / units;
        while (leaves >>> level > most) {
            level++;
        }
        count = Math.max(1, (leaves + (1 << level) - 1) >>> level);
        if (count == 1) {
            return;
        }
        this.rows = rows;
        stride = 2 + AttentionTiles.padded(problem.dim);
        int floats = Math.multiplyExact(Math.multiplyExact(units * count, rows), stride);
        if (nodes.length < floats) {
            nodes = new float[floats];
        }
    }

    /// Parts of each unit; 1 where a unit is best done in one go.
    int count() {
        return count;
    }

    /// First entry of a part.
    int first(int part) {
        return (part << level) * ATTENTION_LEAF;
    }

    /// The part that an entry is in.
    int of(int entry) {
        return entry / ATTENTION_LEAF >>> level;
    }

    float[] nodes() {
        return nodes;
    }

    /// Where the node of a row begins in [#nodes].
    int at(int unit, int part, int row) {
        return ((unit * count + part) * rows + row) * stride;
    }
}
