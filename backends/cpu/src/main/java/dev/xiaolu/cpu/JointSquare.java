package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// Up to 128 rows against up to 128 keys of joint attention: probabilities and gradients of the scores, for the gradients of either.
///
/// Weights of keys that a row does not see are +0. Owned by one thread, kept between calls.
final class JointSquare {
    final JointKeys keys = new JointKeys();
    /// Keys that each row sees, counted from the first loaded one; `from > to` where it sees none.
    final int[] from = new int[ATTENTION_LEAF];
    final int[] to = new int[ATTENTION_LEAF];
    /// Keys between those that a row does not see after all; empty but for a run that wraps around a ring.
    final int[] holeFrom = new int[ATTENTION_LEAF];
    final int[] holeTo = new int[ATTENTION_LEAF];
    float[] h = {};
    /// The rows of `q` and of `dy`, `[leaf, columns]`, where they lie or copied; what a [#loadRows] has given.
    MemorySegment segmentOfQ;
    MemorySegment segmentOfDy;
    long rowsOfQ;
    long rowsOfDy;
    private MemorySegment s = MemorySegment.NULL;
    /// Whether `q` and `dy` of all rows are finite.
    boolean finite;
    int dim;
    int columns;                                             // dim, padded
    int zeros;                                               // [max(leaf, columns)], like what follows in h
    int p;                                                   // [leaf, leaf]
    int ds;                                                  // [leaf, leaf]
    private int q;                                           // [leaf, columns]
    private int dy;                                          // [leaf, columns]
    private int spare;
    private int m;                                           // [leaf], like the next two
    private int inverse;
    private int delta;

    /// Makes room, with so many floats for the caller at the end of `h`; where they start.
    int lay(int dim, int extra) {
        this.dim = dim;
        columns = AttentionTiles.padded(dim);
        int rows = ATTENTION_LEAF + ROWS;                        // products work on 8 rows, also where fewer are left
        zeros = 0;
        q = zeros + Math.max(LEAF_ROW, columns);
        dy = q + rows * columns;
        p = dy + rows * columns;
        ds = p + rows * LEAF_ROW;
        spare = ds + rows * LEAF_ROW;
        m = spare + AttentionTiles.spare(dim);
        inverse = m + ATTENTION_LEAF;
        delta = inverse + ATTENTION_LEAF;
        int end = delta + ATTENTION_LEAF;
        if (h.length < Math.addExact(end, extra)) {
            h = new float[end + extra];
        }
        Arrays.fill(h, zeros, q, 0);
        keys.lay(dim);
        return end;
    }

    /// Whether the rows of a head are read as they lie.
    private boolean areTogether(Heads rows, int heads) {
        return dim == columns && rows.areTogether(heads, dim);
    }

    /// Loads the rows `start` (inclusive) to `end` (exclusive) of a sequence as factors of sums over keys, their `delta` from the call.
    void load(JointProblem problem, JointAttentionGradKernel.Call call, int sequence, int start, int end) {
        toArray(problem.q, problem.heads, sequence, start, end, q);
        toArray(call.dy(), problem.heads, sequence, start, end, dy);
        for (int row = 0; row < end - start; row++) {
            int query = (start + row) / problem.heads;
            int head = (start + row) % problem.heads;
            h[m + row] = one(call.m().data(), call.m().at(sequence, query, head));
            h[inverse + row] = 1f / one(call.l().data(), call.l().at(sequence, query, head));
            h[delta + row] = call.deltas()[sequence * problem.rows() + start + row];
        }
    }

    private void toArray(Heads rows, int heads, int sequence, int start, int end, int into) {
        if (areTogether(rows, heads)) {
            MemorySegment.copy(rows.data(), JAVA_FLOAT_UNALIGNED, rows.at(sequence, start / heads, start % heads), h, into, (end - start) * dim);
            return;
        }
        for (int row = start; row < end; row++) {
            AttentionPacks.packLoop(rows.data(), rows.at(sequence, row / heads, row % heads), dim, h, into + (row - start) * columns, columns);
        }
    }

    /// Makes the same rows, which are loaded, ready as what is summed over rows, and finds out whether all are finite.
    void loadRows(JointProblem problem, JointAttentionGradKernel.Call call, int sequence, int start, int end) {
        long bytes = 4L * ATTENTION_LEAF * columns;
        if (s.byteSize() < 2 * bytes) {
            s = Arena.ofAuto().allocate(2 * bytes, 64);
        }
        boolean copiesQ = !areTogether(problem.q, problem.heads), copiesDy = !areTogether(call.dy(), problem.heads);
        segmentOfQ = copiesQ ? s : problem.q.data();
        segmentOfDy = copiesDy ? s : call.dy().data();
        rowsOfQ = copiesQ ? 0 : problem.q.at(sequence, start / problem.heads, start % problem.heads);
        rowsOfDy = copiesDy ? bytes : call.dy().at(sequence, start / problem.heads, start % problem.heads);
        finite = copiesQ ? copied(problem.q, problem.heads, sequence, start, end, rowsOfQ) : finiteLoop(segmentOfQ, rowsOfQ, (long) (end - start) * dim);
        finite &= copiesDy ? copied(call.dy(), problem.heads, sequence, start, end, rowsOfDy) : finiteLoop(segmentOfDy, rowsOfDy, (long) (end - start) * dim);
    }

    private boolean copied(Heads rows, int heads, int sequence, int start, int end, long into) {
        boolean all = true;
        for (int row = start; row < end; row++) {
            all &= JointKeys.packLoop(rows.data(), rows.at(sequence, row / heads, row % heads), dim, s, into + 4L * (row - start) * columns, columns);
        }
        return all;
    }

    /// Whether all of `count` floats, a multiple of two vectors, are finite.
    private static boolean finiteLoop(MemorySegment from, long at, long count) {
        FloatVector a = FloatVector.zero(FLOATS);                // ±0 as long as all are finite, else NaN
        FloatVector b = FloatVector.zero(FLOATS);
        for (long i = 0; i < count; i += 2 * LANES) {
            a = FloatVector.fromMemorySegment(FLOATS, from, at + 4 * i, LITTLE_ENDIAN).mul(0f).add(a);
            b = FloatVector.fromMemorySegment(FLOATS, from, at + 4 * (i + LANES), LITTLE_ENDIAN).mul(0f).add(b);
        }
        return a.add(b).compare(VectorOperators.EQ, 0f).allTrue();
    }

    /// The probabilities and gradients of the scores of the rows `start` (inclusive) to `end` (exclusive) with the loaded keys; rows behind them are spoilt.
    void gradients(int start, int end, float scale) {
        for (int i = start; i < end; i += ROWS) {
            int after = Math.min(end, i + ROWS);
            int low = low(i, after);
            int high = high(i, after);
            if (low <= high) {
                int strip = low / STRIP * STRIP;
                int wide = (high - strip) / STRIP * STRIP + STRIP;
                AttentionTiles.dots(h, q + i * columns, columns, keys.s, JointKeys.TURNED + 4L * strip, dim, zeros, p + i * LEAF_ROW + strip, wide, spare);
                AttentionTiles.dots(h, dy + i * columns, columns, keys.s, JointKeys.TURNED + 4L * strip, dim, zeros, ds + i * LEAF_ROW + strip, wide, spare);
            }
            for (int row = i; row < after; row++) {
                if (from[row] <= to[row]) {
                    AttentionRows.gradientLoop(h, p + row * LEAF_ROW, ds + row * LEAF_ROW, from[row], to[row], scale, h[m + row], h[inverse + row], h[delta + row]);
                    clear(row, 0, from[row]);
                    clear(row, holeFrom[row], holeTo[row] + 1);
                    clear(row, to[row] + 1, ATTENTION_LEAF);
                } else {
                    clear(row, 0, ATTENTION_LEAF);
                }
            }
        }
    }

    private void clear(int row, int start, int end) {
        if (start < end) {
            Arrays.fill(h, p + row * LEAF_ROW + start, p + row * LEAF_ROW + end, 0);
            Arrays.fill(h, ds + row * LEAF_ROW + start, ds + row * LEAF_ROW + end, 0);
        }
    }

    /// The first key that any of these rows sees.
    int low(int start, int end) {
        int low = ATTENTION_LEAF;
        for (int row = start; row < end; row++) {
            low = from[row] <= to[row] ? Math.min(low, from[row]) : low;
        }
        return low;
    }

    /// The last key that any of these rows sees; −1 where there is none.
    int high(int start, int end) {
        int high = -1;
        for (int row = start; row < end; row++) {
            high = from[row] <= to[row] ? Math.max(high, to[row]) : high;
        }
        return high;
    }

    boolean sees(int row, int key) {
        return from[row] <= key && key <= to[row] && (key < holeFrom[row] || holeTo[row] < key);
    }

    /// Lets a row see the keys `first` to `last` (both included) and no hole.
    void look(int row, int first, int last) {
        from[row] = first;
        to[row] = last;
        holeFrom[row] = 0;
        holeTo[row] = -1;
    }

    /// Copies a sum of `dim` floats out, +0 for −0.
    void writeLoop(int sum, MemorySegment into, long at) {
        int whole = dim & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromArray(FLOATS, h, sum + i).add(0f).intoMemorySegment(into, at + 4L * i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < dim; i++) {
            set(into, at + 4L * i, h[sum + i] + 0f);
        }
    }
}
