package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// One thread's part of the gradients of the indexer's scores, in squares of up to 128 rows (heads of queries) and 128 entries; a leaf of either is two of them.
///
/// What a row does not see adds +0 to its sums, so rows go through the leaves and the tree together, whichever of them sees what.
final class IndexGradWorker {
    private final int[] from = new int[ATTENTION_LEAF];          // entries of the square that each row sees: the first, and the one behind the last
    private final int[] seen = new int[ATTENTION_LEAF];
    private float[] h = {};
    private MemorySegment s = MemorySegment.NULL;
    private IndexScoresKernels.Problem problem;
    private int sequence;
    private int columns;                                         // dim, padded
    private int wide;                                            // a sum of `columns` and, behind them, that of one weight
    private int zeros;                                           // [leaf]
    private int q;                                               // [square, columns]
    private int g;                                               // [square, leaf]: dot products, then weights
    private int spare;
    private int sums;                                            // [1 + depth, square, wide]
    private long turned;                                         // [dim, leaf], in bytes like the next two
    private long rowsOfK;                                        // [leaf, columns]
    private long rowsOfQ;
    private boolean finiteK;
    private boolean finiteQ;

    private void lay(IndexScoresKernels.Problem problem, int sequence, int leaves) {
        this.problem = problem;
        this.sequence = sequence;
        columns = AttentionTiles.padded(problem.dim());
        wide = columns + LANES;
        int depth = 35 - Integer.numberOfLeadingZeros(leaves);
        zeros = 0;
        q = LEAF_ROW;
        g = q + (ATTENTION_LEAF + ROWS) * columns;
        spare = g + (ATTENTION_LEAF + ROWS) * LEAF_ROW;
        sums = spare + AttentionTiles.spare(problem.dim());
        int end = sums + Math.multiplyExact(depth + 1, (ATTENTION_LEAF + ROWS) * wide);
        if (h.length < end) {
            h = new float[end];
        }
        Arrays.fill(h, zeros, q, 0);
        turned = 0;
        rowsOfK = problem.dim() * AttentionTiles.LEAF_BYTES;
        rowsOfQ = rowsOfK + 4L * ATTENTION_LEAF * columns;
        long bytes = rowsOfQ + 4L * ATTENTION_LEAF * columns;
        if (s.byteSize() < bytes) {
            s = Arena.ofAuto().allocate(bytes, 64);
        }
    }

    private int node(int index) {
        return sums + index * (ATTENTION_LEAF + ROWS) * wide;
    }

    private void loadRows(int start, int end) {
        finiteQ = true;
        for (int row = start; row < end; row++) {
            long at = problem.q().at(sequence, row / problem.heads(), row % problem.heads());
            AttentionPacks.packLoop(problem.q().data(), at, problem.dim(), h, q + (row - start) * columns, columns);
            finiteQ &= JointKeys.packLoop(problem.q().data(), at, problem.dim(), s, rowsOfQ + 4L * (row - start) * columns, columns);
        }
    }

    private void loadKeys(int entry, int count) {
        finiteK = true;
        for (int key = 0; key < count; key++) {
            finiteK &= JointKeys.packLoop(problem.k().data(), problem.k().at(sequence, entry + key), problem.dim(), s, rowsOfK + 4L * key * columns, columns);
        }
        AttentionPacks.turn(s, rowsOfK, 4L * columns, 0, count - 1, problem.dim(), s, turned);
    }

    /// Reads which of `count` entries from `entry` on the rows see; how many there are up to the last that any sees.
    private int look(int start, int end, int entry, int count) {
        int most = 0;
        for (int row = start; row < end; row++) {
            int query = row / problem.heads();
            seen[row - start] = Math.clamp(problem.end(sequence, query) - entry, 0, count);
            from[row - start] = Math.clamp(problem.first(sequence, query) - entry, 0, seen[row - start]);
            most = from[row - start] < seen[row - start] ? Math.max(most, seen[row - start]) : most;
        }
        return most;
    }

    /// The weights `g` of the square's rows; `weightSums` is where sums of weights lie, one for each row, or negative.
    private void gates(int start, int rows, int entry, int count, int weightSums) {
        int strips = (count + STRIP - 1) / STRIP * STRIP;
        for (int i = 0; i < rows; i += ROWS) {
            AttentionTiles.dots(h, q + i * columns, columns, s, turned, problem.dim(), zeros, g + i * LEAF_ROW, strips, spare);
            for (int row = i; row < Math.min(rows, i + ROWS); row++) {
                int query = (start + row) / problem.heads();
                int at = g + row * LEAF_ROW;
                int first = at + from[row];
                int sees = seen[row] - from[row];
                long ofDy = problem.dyAt(sequence, query, entry + from[row]);
                if (weightSums >= 0) {
                    h[weightSums + row * wide] = weightSum(first, ofDy, sees, h[weightSums + row * wide]);
                }
                gateLoop(first, ofDy, sees, one(problem.weight().data(), problem.weight().at(sequence, query, (start + row) % problem.heads())));
                Arrays.fill(h, at, first, 0);
                Arrays.fill(h, first + sees, at + LEAF_ROW, 0);
            }
        }
    }

    private float weightSum(int at, long ofDy, int count, float sum) {
        for (int i = 0; i < count; i++) {
            float d = h[at + i];
            sum = Math.fma(one(problem.dy(), ofDy + 4L * i), d < 0 ? 0 : d, sum);
        }
        return sum;
    }

    /// Turns dot products into `dy · weight` where they are above 0, else +0.
    private void gateLoop(int at, long ofDy, int count, float weight) {
        int whole = count & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector d = FloatVector.fromArray(FLOATS, h, at + i);
            FloatVector gate = FloatVector.fromMemorySegment(FLOATS, problem.dy(), ofDy + 4L * i, LITTLE_ENDIAN).mul(weight);
            FloatVector.zero(FLOATS).blend(gate, d.compare(VectorOperators.GT, 0f)).intoArray(h, at + i);
        }
        for (int i = whole; i < count; i++) {
            h[at + i] = h[at + i] > 0 ? one(problem.dy(), ofDy + 4L * i) * weight : 0;
        }
    }

    /// Gradients of the rows `start` (inclusive) to `end` (exclusive), at most 128, and of their weights.
    void rows(IndexScoresKernels.Problem problem, MemorySegment dq, MemorySegment dweight, int sequence, int start, int end) {
        int leaves = (problem.entries() + LEAF - 1) / LEAF;
        lay(problem, sequence, leaves);
        loadRows(start, end);
        int rows = end - start;
        int last = Math.max(0, (look(start, end, 0, problem.entries()) + LEAF - 1) / LEAF - 1);
        int size = rows * wide;
        int waits = 0;                                           // levels at which nodes wait, one bit each
        for (int leaf = 0; leaf <= last; leaf++) {
            Arrays.fill(h, sums, sums + size, 0);
            for (int entry = leaf * LEAF; entry < Math.min(problem.entries(), (leaf + 1) * LEAF); entry += ATTENTION_LEAF) {
                int most = look(start, end, entry, Math.min(ATTENTION_LEAF, problem.entries() - entry));
                if (most > 0) {
                    loadKeys(entry, most);
                    gates(start, rows, entry, most, sums + columns);
                    addKeys(rows, most);
                }
            }
            boolean done = leaf == last;
            for (int level = 0; !done || waits >>> level != 0; level++) {
                if ((leaf >> level & 1) == 0 && !done) {
                    System.arraycopy(h, sums, h, node(1 + Integer.bitCount(waits)), size);
                    waits |= 1 << level;
                    break;
                }
                if ((waits >>> level & 1) != 0) {
                    waits &= ~(1 << level);
                    AttentionRows.addLoop(h, node(1 + Integer.bitCount(waits)), sums, size);
                }
            }
        }
        for (int row = 0; row < rows; row++) {
            long index = (long) sequence * problem.rows() + start + row;
            writeLoop(sums + row * wide, dq, 4 * index * problem.dim());
            set(dweight, 4 * index, h[sums + row * wide + columns] + 0f);
        }
    }

    /// Goes on with the rows' chains over `count` entries.
    private void addKeys(int rows, int count) {
        for (int i = 0; i < rows; i += ROWS) {
            if (finiteK) {
                AttentionTiles.product(h, g + i * LEAF_ROW, LEAF_ROW, 1, s, rowsOfK, 4L * columns, count, sums + i * wide, wide, sums + i * wide, wide, columns);
                continue;
            }
            for (int row = i; row < Math.min(rows, i + ROWS); row++) {
                AttentionTiles.rowProductLoop(h, g + row * LEAF_ROW + from[row], 1, s, rowsOfK + 4L * from[row] * columns, 4L * columns, seen[row] - from[row], sums + row * wide, columns);
            }
        }
    }

    /// Gradients of the `count` entries from `entry` on, at most 128.
    void keys(IndexScoresKernels.Problem problem, MemorySegment dk, int sequence, int entry, int count) {
        int leaves = (problem.rows() + LEAF - 1) / LEAF;
        lay(problem, sequence, leaves);
        loadKeys(entry, count);
        int waits = 0;
        Arrays.fill(h, sums, sums + count * wide, 0);
        for (int leaf = 0; leaf < leaves; leaf++) {
            Arrays.fill(h, sums, sums + count * wide, 0);
            for (int start = leaf * LEAF; start < Math.min(problem.rows(), (leaf + 1) * LEAF); start += ATTENTION_LEAF) {
                int end = Math.min(problem.rows(), start + ATTENTION_LEAF);
                int most = look(start, end, entry, count);
                if (most > 0) {
                    loadRows(start, end);
                    gates(start, end - start, entry, most, -1);
                    addRows(end - start, most);
                }
            }
            boolean done = leaf == leaves - 1;
            for (int level = 0; !done || waits >>> level != 0; level++) {
                if ((leaf >> level & 1) == 0 && !done) {
                    System.arraycopy(h, sums, h, node(1 + Integer.bitCount(waits)), count * wide);
                    waits |= 1 << level;
                    break;
                }
                if ((waits >>> level & 1) != 0) {
                    waits &= ~(1 << level);
                    AttentionRows.addLoop(h, node(1 + Integer.bitCount(waits)), sums, count * wide);
                }
            }
        }
        for (int key = 0; key < count; key++) {
            writeLoop(sums + key * wide, dk, 4 * ((long) sequence * problem.entries() + entry + key) * problem.dim());
        }
    }

    /// Goes on with the entries' chains over these rows.
    private void addRows(int rows, int most) {
        for (int key = 0; key < most; key += ROWS) {
            int sum = sums + key * wide;
            if (finiteQ) {
                AttentionTiles.product(h, g + key, 1, LEAF_ROW, s, rowsOfQ, 4L * columns, rows, sum, wide, sum, wide, columns);
                continue;
            }
            for (int one = key; one < Math.min(most, key + ROWS); one++) {
                for (int row = 0; row < rows; row++) {
                    if (from[row] <= one && one < seen[row]) {
                        AttentionTiles.rowProductLoop(h, g + row * LEAF_ROW + one, LEAF_ROW, s, rowsOfQ + 4L * row * columns, 4L * columns, 1, sums + one * wide, columns);
                    }
                }
            }
        }
    }

    /// Copies a sum out, +0 for −0.
    private void writeLoop(int sum, MemorySegment into, long at) {
        int whole = problem.dim() & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromArray(FLOATS, h, sum + i).add(0f).intoMemorySegment(into, at + 4L * i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < problem.dim(); i++) {
            set(into, at + 4L * i, h[sum + i] + 0f);
        }
    }
}
