package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.JointProblem.ENTRIES;
import static dev.xiaolu.cpu.JointProblem.RAW;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// One thread's part of the gradients of the keys of joint attention: up to 128 of them that lie side by side, through all leaves of rows.
///
/// A leaf of rows that sees none of them adds +0 and is passed over. Of the nodes that wait, two neighbours merge as soon as the next leaf lies outside the smallest subtree that holds both: that is the balanced tree.
final class JointKeysGrad {
    private final JointSquare square = new JointSquare();
    private final int[] leaves = new int[Integer.SIZE + 2];      // a leaf of each node that waits
    private final int[] ranks = new int[ATTENTION_LEAF];         // by query of the leaf of rows: its first rank among these keys, and how many
    private final int[] counts = new int[ATTENTION_LEAF];
    private JointProblem problem;
    private JointAttentionGradKernel.Call call;
    private int sequence;
    private int side;
    private int start;                                           // first row of the keys' tensor
    private int count;                                           // keys
    private int columns;
    private int depth;                                           // nodes that wait
    private int sums;                                            // [depth, leaf, columns]

    /// The keys of block `block` of one side.
    void run(JointProblem problem, JointAttentionGradKernel.Call call, int sequence, int side, int block, MemorySegment gradient) {
        this.problem = problem;
        this.call = call;
        this.sequence = sequence;
        this.side = side;
        int all = side == RAW ? problem.rawRows : problem.entries;
        start = block * ATTENTION_LEAF;
        count = Math.min(ATTENTION_LEAF, all - start);
        int leavesOfRows = (problem.rows() + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        columns = AttentionTiles.padded(problem.dim);
        int room = 34 - Integer.numberOfLeadingZeros(leavesOfRows);
        sums = square.lay(problem.dim, Math.multiplyExact(room, ATTENTION_LEAF * columns));
        depth = 0;
        boolean gathered = side == ENTRIES && problem.gathered;
        if (!gathered) {
            square.keys.loadRows(problem, side, sequence, start, count);
        }
        for (int leaf = 0; leaf < leavesOfRows; leaf++) {
            int first = leaf * ATTENTION_LEAF;
            int end = Math.min(problem.rows(), first + ATTENTION_LEAF);
            if (gathered ? lookForRanks(first, end) : look(first, end)) {
                while (depth > 1 && level(leaves[depth - 2], leaves[depth - 1]) < level(leaves[depth - 1], leaf)) {
                    merge();
                }
                square.load(problem, call, sequence, first, end);
                square.loadRows(problem, call, sequence, first, end);
                if (gathered) {
                    gathered(first, end);
                } else {
                    square.gradients(0, end - first, call.scale());
                    together(end - first);
                }
                leaves[depth++] = leaf;
            }
        }
        while (depth > 1) {
            merge();
        }
        if (depth == 0) {
            Arrays.fill(square.h, sums, sums + count * columns, 0);
        }
        for (int key = 0; key < count; key++) {
            square.writeLoop(sums + key * columns, gradient, 4 * ((long) sequence * all + start + key) * problem.dim);
        }
    }

    /// The height of the smallest subtree that holds two leaves.
    private static int level(int a, int b) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(a ^ b);
    }

    private int node(int index) {
        return sums + index * ATTENTION_LEAF * columns;
    }

    private void merge() {
        depth--;
        AttentionRows.addLoop(square.h, node(depth), node(depth - 1), count * columns);      // two summands: either order gives the same bits
    }

    /// Reads which keys these rows see; whether any sees any.
    private boolean look(int first, int end) {
        boolean any = false;
        for (int row = first; row < end; row++) {
            int query = row / problem.heads;
            int last = problem.last(side, sequence, query);
            int at = row - first;
            if (side == ENTRIES) {
                square.look(at, Math.max(0, problem.first(ENTRIES, sequence, query) - start), Math.min(count - 1, last - start));
            } else if (last < 0) {
                square.look(at, 0, -1);
            } else {
                lookAtRing(at, problem.first(RAW, sequence, query) - problem.origin(sequence), last - problem.origin(sequence));
            }
            any |= square.from[at] <= square.to[at];
        }
        return any;
    }

    /// The indices `first` to `last` lie in the rows of these numbers and, where they reach the ring's length, from its start again.
    private void lookAtRing(int row, int first, int last) {
        int rows = problem.rawRows;
        if (first >= rows) {
            first -= rows;
            last -= rows;
        }
        int from = Math.max(0, first - start);
        int to = Math.min(count - 1, Math.min(last, rows - 1) - start);
        int wrapped = Math.min(count - 1, last - rows - start);  // up to here the next lap
        if (wrapped < 0) {
            square.look(row, from, to);
        } else if (from > to) {
            square.look(row, 0, wrapped);
        } else {
            square.look(row, 0, to);
            square.holeFrom[row] = wrapped + 1;
            square.holeTo[row] = from - 1;
        }
    }

    /// The chains of one leaf of rows, 8 keys at a time, each over the rows that see any of them.
    private void together(int rows) {
        int into = node(depth);
        for (int key = 0; key < count; key += ROWS) {
            int low = rows;
            int high = -1;
            for (int row = 0; row < rows; row++) {
                if (square.from[row] < key + ROWS && key <= square.to[row] && square.from[row] <= square.to[row]) {
                    low = Math.min(low, row);
                    high = row;
                }
            }
            int sum = into + key * columns;
            if (high < 0 || !square.finite) {
                Arrays.fill(square.h, sum, sum + Math.min(ROWS, count - key) * columns, 0);
                for (int one = key; high >= 0 && one < Math.min(count, key + ROWS); one++) {
                    apart(one, square.ds, square.segmentOfQ, square.rowsOfQ, low, high, into + one * columns);
                    apart(one, square.p, square.segmentOfDy, square.rowsOfDy, low, high, into + one * columns);
                }
            } else {
                chain(square.ds + low * LEAF_ROW + key, square.segmentOfQ, square.rowsOfQ + 4L * low * columns, high - low + 1, square.zeros, 0, sum);
                chain(square.p + low * LEAF_ROW + key, square.segmentOfDy, square.rowsOfDy + 4L * low * columns, high - low + 1, sum, columns, sum);
            }
        }
    }

    private void chain(int weights, MemorySegment of, long rows, int rowCount, int from, int rowFrom, int sum) {
        AttentionTiles.product(square.h, weights, 1, LEAF_ROW, of, rows, 4L * columns, rowCount, from, rowFrom, sum, columns, columns);
    }

    /// One key, over nothing but the rows that see it.
    private void apart(int key, int weights, MemorySegment of, long rows, int low, int high, int sum) {
        for (int row = low; row <= high; row++) {
            if (square.sees(row, key)) {
                AttentionTiles.rowProductLoop(square.h, weights + row * LEAF_ROW + key, LEAF_ROW, of, rows + 4L * row * columns, 4L * columns, 1, sum, columns);
            }
        }
    }

    /// Reads which of these keys the queries of a leaf of rows have chosen; whether any has any.
    private boolean lookForRanks(int first, int end) {
        boolean any = false;
        for (int query = first / problem.heads; query <= (end - 1) / problem.heads; query++) {
            int rank = problem.rankOf(sequence, query, start);
            ranks[query - first / problem.heads] = rank;
            counts[query - first / problem.heads] = problem.rankOf(sequence, query, start + count) - rank;
            any |= counts[query - first / problem.heads] > 0;
        }
        return any;
    }

    /// The chains of one leaf of rows for chosen keys: query by query what it has chosen, first with its own rows, then with those of the gradient.
    private void gathered(int first, int end) {
        int into = node(depth);
        Arrays.fill(square.h, into, into + count * columns, 0);
        int before = first / problem.heads;
        for (int row = first; row < end; ) {
            int after = Math.min(end, row + problem.heads - row % problem.heads);
            int chosen = counts[row / problem.heads - before];
            for (int i = row; i < after; i++) {
                square.look(i - first, 0, chosen - 1);
            }
            if (chosen > 0) {
                square.keys.loadRanks(problem, sequence, row / problem.heads, ranks[row / problem.heads - before], chosen);
                square.gradients(row - first, after - first, call.scale());
            }
            row = after;
        }
        scatter(first, end, square.ds, square.segmentOfQ, square.rowsOfQ, into);
        scatter(first, end, square.p, square.segmentOfDy, square.rowsOfDy, into);
    }

    private void scatter(int first, int end, int weights, MemorySegment of, long rows, int into) {
        int before = first / problem.heads;
        for (int row = first; row < end; ) {
            int query = row / problem.heads;
            int after = Math.min(end, row + problem.heads - row % problem.heads);
            for (int i = 0; i < counts[query - before]; i++) {
                int key = problem.chosen(sequence, query, ranks[query - before] + i) - start;
                AttentionTiles.rowProductLoop(square.h, weights + (row - first) * LEAF_ROW + i, LEAF_ROW, of, rows + 4L * (row - first) * columns, 4L * columns, after - row, into + key * columns, columns);
            }
            row = after;
        }
    }
}
