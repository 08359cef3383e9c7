package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.JointProblem.ENTRIES;
import static dev.xiaolu.cpu.JointProblem.RAW;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import java.util.Arrays;

/// One thread's part of the gradients of the queries of joint attention.
///
/// What a row does not see adds +0 to its sums, so rows go through the leaves and the tree together, whichever of them sees what.
final class JointRowsGrad {
    private final JointSquare square = new JointSquare();
    private JointProblem problem;
    private JointAttentionGradKernel.Call call;
    private int sequence;
    private int unit;                                        // first row of the unit
    private int columns;
    private int sum;                                         // [leaf, columns]
    private int total;                                       // [leaf, columns]
    private int waiting;                                     // [depth, leaf, columns]

    /// The rows `start` (inclusive) to `end` (exclusive), at most 128, of one sequence.
    void run(JointProblem problem, JointAttentionGradKernel.Call call, int sequence, int start, int end) {
        this.problem = problem;
        this.call = call;
        this.sequence = sequence;
        unit = start;
        int rows = end - start;
        int block = (ATTENTION_LEAF + ROWS) * AttentionTiles.padded(problem.dim);
        int depth = depth(rows);
        sum = square.lay(problem.dim, Math.multiplyExact(2 + depth, block));
        total = sum + block;
        waiting = total + block;
        columns = square.columns;
        deltas(rows);
        square.load(problem, call, sequence, start, end);
        for (int row = 0; row < rows; ) {
            int after = problem.gathered ? Math.min(rows, row + problem.heads - (start + row) % problem.heads) : rows;
            side(ENTRIES, row, after);
            System.arraycopy(square.h, sum + row * columns, square.h, total + row * columns, (after - row) * columns);
            row = after;
        }
        side(RAW, 0, rows);
        AttentionRows.addLoop(square.h, total, sum, rows * columns);
        for (int row = 0; row < rows; row++) {
            square.writeLoop(sum + row * columns, call.dq(), 4 * ((long) sequence * problem.rows() + start + row) * problem.dim);
        }
    }

    private int query(int row) {
        return (unit + row) / problem.heads;
    }

    private int depth(int rows) {
        int most = 1;
        for (int side = 0; side < 2; side++) {
            int first = Integer.MAX_VALUE;
            int last = -1;
            for (int row = 0; row < rows; row++) {
                first = Math.min(first, problem.first(side, sequence, query(row)));
                last = Math.max(last, problem.last(side, sequence, query(row)));
            }
            most = last < 0 ? most : Math.max(most, last / ATTENTION_LEAF - first / ATTENTION_LEAF + 1);
        }
        return 34 - Integer.numberOfLeadingZeros(most);
    }

    /// `delta` of each row, kept for the keys' turn.
    private void deltas(int rows) {
        for (int row = 0; row < rows; ) {
            int head = (unit + row) % problem.heads;
            int count = Math.min(rows - row, problem.heads - head);
            AttentionTiles.dotsOfPairs(call.dy().data(), call.dy().at(sequence, query(row), head), call.dy().perHead(), call.o().data(), call.o().at(sequence, query(row), head), call.o().perHead(),
                    count, problem.dim, call.deltas(), sequence * problem.rows() + unit + row);
            row += count;
        }
    }

    /// The sums of rows that share the keys of one side, left in `sum`: the leaves in ascending order, merged as a binary counter adds 1.
    private void side(int side, int start, int end) {
        int first = Integer.MAX_VALUE;
        int last = -1;
        for (int row = start; row < end; row++) {
            first = Math.min(first, problem.first(side, sequence, query(row)));
            last = Math.max(last, problem.last(side, sequence, query(row)));
        }
        if (last < 0) {
            Arrays.fill(square.h, sum + start * columns, sum + end * columns, 0);
            return;
        }
        int waits = 0;                                       // levels at which nodes wait, one bit each
        for (int leaf = first / ATTENTION_LEAF; leaf <= last / ATTENTION_LEAF; leaf++) {
            leaf(side, start, end, leaf);
            boolean done = leaf == last / ATTENTION_LEAF;
            for (int level = 0; !done || waits >>> level != 0; level++) {
                int block = sum + start * columns;
                int size = (end - start) * columns;
                if ((leaf >> level & 1) == 0 && !done) {
                    System.arraycopy(square.h, block, square.h, waiting + Integer.bitCount(waits) * ATTENTION_LEAF * columns, size);
                    waits |= 1 << level;
                    break;
                }
                if ((waits >>> level & 1) != 0) {
                    waits &= ~(1 << level);
                    AttentionRows.addLoop(square.h, waiting + Integer.bitCount(waits) * ATTENTION_LEAF * columns, block, size);
                }
            }
        }
    }

    private void leaf(int side, int start, int end, int leaf) {
        for (int row = start; row < end; row++) {
            square.look(row, Math.max(0, problem.first(side, sequence, query(row)) - leaf * ATTENTION_LEAF), Math.min(ATTENTION_LEAF - 1, problem.last(side, sequence, query(row)) - leaf * ATTENTION_LEAF));
        }
        square.keys.load(problem, side, sequence, query(start), leaf, square.low(start, end), square.high(start, end));
        square.gradients(start, end, call.scale());
        for (int i = start; i < end; i += ROWS) {
            int low = square.low(i, Math.min(end, i + ROWS));
            int high = square.high(i, Math.min(end, i + ROWS));
            if (square.keys.finite && low <= high) {
                AttentionTiles.product(square.h, square.ds + i * LEAF_ROW + low, LEAF_ROW, 1, square.keys.s, square.keys.rows + 4L * low * columns, 4L * columns, high - low + 1,
                        square.zeros, 0, sum + i * columns, columns, columns);
            } else {
                apart(i, Math.min(end, i + ROWS));
            }
        }
    }

    /// Row by row, over nothing but the keys that each row sees.
    private void apart(int start, int end) {
        Arrays.fill(square.h, sum + start * columns, sum + end * columns, 0);
        for (int row = start; row < end; row++) {
            int from = square.from[row];
            if (from <= square.to[row]) {
                AttentionTiles.rowProductLoop(square.h, square.ds + row * LEAF_ROW + from, 1, square.keys.s, square.keys.rows + 4L * from * columns, 4L * columns, square.to[row] - from + 1,
                        sum + row * columns, columns);
            }
        }
    }
}
