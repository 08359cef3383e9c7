package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionKernel.TILE;
import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.JointAttentionKernel.CHUNK;
import static dev.xiaolu.cpu.JointProblem.ENTRIES;
import static dev.xiaolu.cpu.JointProblem.RAW;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import dev.xiaolu.tensor.Elementary;
import java.util.Arrays;

/// One thread's part of [JointAttentionKernel], with its memory, kept between calls.
///
/// A row's leaves of one side merge as a binary counter adds 1; the nodes that wait for a right sibling are a stack, the highest level at the bottom. So the memory depends on how many leaves a row sees, not on where they lie.
final class JointAttentionWorker {
    private final JointKeys keys = new JointKeys();
    private final int[] from = new int[CHUNK];               // by row of the unit, numbers of the side in work
    private final int[] to = new int[CHUNK];
    private final int[] waits = new int[CHUNK];              // levels at which a node waits, one bit each
    private final boolean[] sees = new boolean[2 * CHUNK];   // [side, row]
    private float[] h = {};
    private JointProblem problem;
    private JointAttentionKernel.Call call;
    private int sequence;
    private int unit;                                        // first row of the unit
    private int columns;                                     // dim, padded
    private int padded;                                      // rows of the unit and a tile more
    private int zeros;                                       // [max(leaf, columns)]
    private int q;                                           // [padded, columns]
    private int scores;                                      // [TILE, leaf]
    private int spare;
    private int o;                                           // [TILE, columns]: what the tile has just gathered
    private int m;                                           // [TILE], like the next seven
    private int l;
    private int leftM;
    private int leftL;
    private int newM;
    private int newL;
    private int ofLeft;
    private int ofRight;                                     // directly behind ofLeft
    private int waitingM;                                    // [depth, padded]
    private int waitingL;
    private int waitingO;                                    // [depth, padded, columns]
    private int sideM;                                       // [side, padded]
    private int sideL;
    private int sideO;                                       // [side, padded, columns]

    private void lay(int rows, int depth) {
        columns = AttentionTiles.padded(problem.dim);
        padded = rows + TILE;
        zeros = 0;
        q = zeros + Math.max(LEAF_ROW, columns);
        scores = q + padded * columns + 16;                  // a vector may be written before the first row
        spare = scores + TILE * LEAF_ROW;
        o = spare + AttentionTiles.spare(problem.dim);
        m = o + TILE * columns;
        l = m + TILE;
        leftM = l + TILE;
        leftL = leftM + TILE;
        newM = leftL + TILE;
        newL = newM + TILE;
        ofLeft = newL + TILE;
        ofRight = ofLeft + TILE;
        sideM = ofRight + TILE;
        sideL = sideM + 2 * padded;
        sideO = sideL + 2 * padded;
        waitingM = sideO + 2 * padded * columns;
        waitingL = waitingM + depth * padded;
        waitingO = waitingL + depth * padded;
        int end = Math.addExact(waitingO, Math.multiplyExact(depth * padded, columns));
        if (h.length < end) {
            h = new float[end];
        }
        Arrays.fill(h, zeros, q, 0);
        keys.lay(problem.dim);
    }

    /// The rows `start` (inclusive) to `end` (exclusive) of one sequence, which are unit `which` of the call.
    void attend(JointProblem problem, JointAttentionKernel.Call call, JointParts parts, int which, int sequence, int start, int end) {
        int rows = begin(problem, call, sequence, start, end);
        for (int side = 0; side < 2; side++) {
            look(side, rows);
            if (side == ENTRIES && problem.gathered) {       // each query has keys of its own
                for (int row = 0; row < rows; ) {
                    int after = Math.min(rows, row + problem.heads - (start + row) % problem.heads);
                    side(side, row, after);
                    row = after;
                }
            } else if (side == ENTRIES && parts.count() > 1) {
                join(parts, which, rows);
            } else {
                side(side, 0, rows);
            }
        }
        for (int tile = 0; tile < rows; tile += TILE) {
            finish(tile, Math.min(TILE, rows - tile));
        }
    }

    /// What the same rows see of one part of the entries: a node of each row's tree.
    void part(JointProblem problem, JointAttentionKernel.Call call, JointParts parts, int which, int sequence, int start, int end, int part) {
        int rows = begin(problem, call, sequence, start, end);
        look(ENTRIES, rows);
        for (int row = 0; row < rows; row++) {
            from[row] = Math.max(from[row], parts.first(part));
            to[row] = Math.min(to[row], parts.first(part + 1) - 1);
            if (from[row] > to[row]) {
                from[row] = Integer.MAX_VALUE;
                to[row] = -1;
            }
        }
        side(ENTRIES, 0, rows);
        for (int row = 0; row < rows; row++) {
            if (to[row] >= 0) {
                int node = parts.at(which, part, row);
                parts.nodes()[node] = h[sideM + row];
                parts.nodes()[node + 1] = h[sideL + row];
                System.arraycopy(h, sideO + row * columns, parts.nodes(), node + 2, columns);
            }
        }
    }

    /// Merges the nodes of all parts as if each were a leaf.
    private void join(JointParts parts, int which, int rows) {
        int last = -1;
        for (int row = 0; row < rows; row++) {
            if (to[row] >= 0) {
                last = Math.max(last, parts.of(to[row]));
                from[row] = parts.of(from[row]) * ATTENTION_LEAF;
                to[row] = parts.of(to[row]) * ATTENTION_LEAF;
            }
        }
        for (int part = 0; part <= last; part++) {
            for (int tile = 0; tile < rows; tile += TILE) {
                int count = Math.min(TILE, rows - tile);
                for (int i = 0; i < count; i++) {
                    if (meets(tile + i, part)) {
                        int node = parts.at(which, part, tile + i);
                        h[m + i] = parts.nodes()[node];
                        h[l + i] = parts.nodes()[node + 1];
                        System.arraycopy(parts.nodes(), node + 2, h, o + i * columns, columns);
                    }
                }
                gather(ENTRIES, tile, count, part);
            }
        }
    }

    /// Takes up the rows of one sequence; gives how many they are.
    private int begin(JointProblem problem, JointAttentionKernel.Call call, int sequence, int start, int end) {
        this.problem = problem;
        this.call = call;
        this.sequence = sequence;
        unit = start;
        int rows = end - start;
        lay(rows, Math.max(depth(ENTRIES, rows), depth(RAW, rows)));
        for (int row = 0; row < rows; row++) {
            AttentionPacks.packLoop(problem.q.data(), problem.q.at(sequence, query(row), (start + row) % problem.heads), problem.dim, h, q + row * columns, columns);
        }
        return rows;
    }

    private int query(int row) {
        return (unit + row) / problem.heads;
    }

    /// Nodes of one row that may wait at once.
    private int depth(int side, int rows) {
        int most = 0;
        for (int row = 0; row < rows; row++) {
            int last = problem.last(side, sequence, query(row));
            most = last < 0 ? most : Math.max(most, last / ATTENTION_LEAF - problem.first(side, sequence, query(row)) / ATTENTION_LEAF + 1);
        }
        return 34 - Integer.numberOfLeadingZeros(most);
    }

    private void look(int side, int rows) {
        for (int row = 0; row < rows; row++) {
            from[row] = problem.first(side, sequence, query(row));
            to[row] = problem.last(side, sequence, query(row));
            waits[row] = 0;
            sees[side * CHUNK + row] = to[row] >= 0;
        }
    }

    /// Rows that share the keys of one side, through all leaves that any of them meets.
    private void side(int side, int start, int end) {
        int first = Integer.MAX_VALUE;
        int last = -1;
        for (int row = start; row < end; row++) {
            first = Math.min(first, from[row]);
            last = Math.max(last, to[row]);
        }
        for (int leaf = first / ATTENTION_LEAF; last >= 0 && leaf <= last / ATTENTION_LEAF; leaf++) {
            int low = ATTENTION_LEAF;
            int high = -1;
            for (int row = start; row < end; row++) {
                if (meets(row, leaf)) {
                    low = Math.min(low, first(row, leaf));
                    high = Math.max(high, last(row, leaf));
                }
            }
            keys.load(problem, side, sequence, query(start), leaf, low, high);
            for (int tile = start; tile < end; tile += TILE) {
                int count = Math.min(TILE, end - tile);
                for (int half = 0; half < count; half += ROWS) {
                    attend(tile, tile + half, Math.min(ROWS, count - half), leaf);
                }
                gather(side, tile, count, leaf);
            }
        }
    }

    /// Scores, exponentials and weighted values of 8 rows.
    private void attend(int tile, int half, int count, int leaf) {
        int low = ATTENTION_LEAF;
        int high = -1;
        for (int row = half; row < half + count; row++) {
            if (meets(row, leaf)) {
                low = Math.min(low, first(row, leaf));
                high = Math.max(high, last(row, leaf));
            }
        }
        if (high < 0) {
            return;
        }
        int weights = scores + (half - tile) * LEAF_ROW;
        int sums = o + (half - tile) * columns;
        int strip = low / STRIP * STRIP;
        AttentionTiles.dots(h, q + half * columns, columns, keys.s, JointKeys.TURNED + 4L * strip, problem.dim, zeros, weights + strip, (high - strip) / STRIP * STRIP + STRIP, spare);
        for (int i = 0; i < count; i++) {
            int row = weights + i * LEAF_ROW;
            int first = first(half + i, leaf);
            int last = last(half + i, leaf);
            if (!meets(half + i, leaf)) {
                Arrays.fill(h, row + low, row + high + 1, 0);
                continue;
            }
            AttentionRows.softmaxLoop(h, row, first, last, call.scale(), m + half - tile + i, l + half - tile + i);
            Arrays.fill(h, row + low, row + Math.max(low, first), 0);
            Arrays.fill(h, row + Math.min(high, last) + 1, row + high + 1, 0);
        }
        if (keys.finite) {
            AttentionTiles.product(h, weights + low, LEAF_ROW, 1, keys.s, keys.rows + 4L * low * columns, 4L * columns, high - low + 1, zeros, 0, sums, columns, columns);
        } else {
            apart(weights, sums, half, count, leaf);
        }
    }

    /// The weighted values row by row, over nothing but the keys that each row sees.
    private void apart(int weights, int sums, int half, int count, int leaf) {
        Arrays.fill(h, sums, sums + ROWS * columns, 0);
        for (int i = 0; i < count; i++) {
            if (meets(half + i, leaf)) {
                int first = first(half + i, leaf);
                AttentionTiles.rowProductLoop(h, weights + i * LEAF_ROW + first, 1, keys.s, keys.rows + 4L * first * columns, 4L * columns, last(half + i, leaf) - first + 1, sums + i * columns, columns);
            }
        }
    }

    /// Merges what a tile has gathered from `leaf` into each row's tree, level by level.
    private void gather(int side, int tile, int count, int leaf) {
        int going = 0;                                       // rows whose node has not come to rest, one bit each
        int done = 0;                                        // rows for which this is the last leaf
        for (int i = 0; i < count; i++) {
            if (meets(tile + i, leaf)) {
                going |= 1 << i;
                done |= to[tile + i] / ATTENTION_LEAF == leaf ? 1 << i : 0;
            }
        }
        for (int level = 0; going != 0; level++) {
            boolean left = (leaf >> level & 1) == 0;
            int merging = 0;
            for (int i = 0; i < count; i++) {
                int row = tile + i;
                if ((going >> i & 1) == 0) {
                    continue;
                }
                if (left && (done >> i & 1) == 0) {          // waits, since something will come from the right
                    keep(waitingM, waitingL, waitingO, Integer.bitCount(waits[row]) * padded + row, i);
                    waits[row] |= 1 << level;
                    going &= ~(1 << i);
                } else if ((done >> i & 1) != 0 && waits[row] >>> level == 0) {
                    keep(sideM, sideL, sideO, side * padded + row, i);
                    going &= ~(1 << i);
                } else if (!left && (waits[row] >>> level & 1) != 0) {
                    merging |= 1 << i;
                    waits[row] &= ~(1 << level);
                    int slot = Integer.bitCount(waits[row]) * padded + row;
                    h[leftM + i] = h[waitingM + slot];
                    h[leftL + i] = h[waitingL + slot];
                }
            }
            if (merging != 0) {
                weigh();
                for (int i = 0; i < count; i++) {
                    if ((merging >> i & 1) != 0) {
                        int slot = Integer.bitCount(waits[tile + i]) * padded + tile + i;
                        AttentionRows.mergeLoop(h, waitingO + slot * columns, h[ofLeft + i], o + i * columns, h[ofRight + i], columns);
                        h[m + i] = h[newM + i];
                        h[l + i] = h[newL + i];
                    }
                }
            }
        }
    }

    /// The weights of two sides of 16 rows, and what they have in common afterwards.
    private void weigh() {
        AttentionRows.maximaLoop(h, TILE, leftM, m, newM, ofLeft, ofRight);
        AttentionRows.exponentialLoop(h, ofLeft, ofRight + TILE, 0);
        AttentionRows.sumsLoop(h, TILE, leftL, ofLeft, l, ofRight, newL);
    }

    private void keep(int ofM, int ofL, int ofO, int slot, int i) {
        h[ofM + slot] = h[m + i];
        h[ofL + slot] = h[l + i];
        System.arraycopy(h, o + i * columns, h, ofO + slot * columns, columns);
    }

    /// Merges entries with raw keys and both with the sink, and writes the outputs.
    private void finish(int tile, int count) {
        for (int i = 0; i < TILE; i++) {
            int row = tile + i;
            boolean entries = i < count && sees[row];
            boolean raw = i < count && sees[CHUNK + row];
            h[leftM + i] = entries ? h[sideM + row] : Float.NEGATIVE_INFINITY;
            h[leftL + i] = entries ? h[sideL + row] : 0;
            h[m + i] = raw ? h[sideM + padded + row] : Float.NEGATIVE_INFINITY;
            h[l + i] = raw ? h[sideL + padded + row] : 0;
        }
        weigh();
        for (int i = 0; i < count; i++) {
            int row = tile + i;
            if (sees[row] && sees[CHUNK + row]) {
                AttentionRows.mergeLoop(h, sideO + row * columns, h[ofLeft + i], sideO + (padded + row) * columns, h[ofRight + i], columns);
                h[leftM + i] = h[newM + i];
                h[leftL + i] = h[newL + i];
            } else if (sees[CHUNK + row]) {
                h[leftM + i] = h[m + i];
                h[leftL + i] = h[l + i];
            }
            h[m + i] = sink(row);
            h[l + i] = 1;
        }
        weigh();
        Arrays.fill(h, o, o + count * columns, 0);
        for (int i = 0; i < count; i++) {
            int row = tile + i;
            long index = (long) sequence * problem.rows() + unit + row;
            if (sees[row] || sees[CHUNK + row]) {
                int side = sees[CHUNK + row] ? padded + row : row;
                AttentionRows.mergeLoop(h, sideO + side * columns, h[ofLeft + i], o + i * columns, h[ofRight + i], columns);
                AttentionPacks.unpackLoop(h, o + i * columns, 1f / h[newL + i], problem.dim, call.o(), 4 * index * problem.dim);
                set(call.m(), 4 * index, h[newM + i]);
                set(call.l(), 4 * index, h[newL + i]);
            } else {
                blind(index, sink(row));
            }
        }
    }

    /// A row that sees no key.
    private void blind(long index, float sink) {
        for (int c = 0; c < problem.dim; c++) {
            set(call.o(), 4 * (index * problem.dim + c), 0);
        }
        float greatest = sink > Float.NEGATIVE_INFINITY ? sink : Float.NEGATIVE_INFINITY;
        set(call.m(), 4 * index, greatest);
        set(call.l(), 4 * index, Elementary.exp(sink - (greatest == Float.NEGATIVE_INFINITY ? 0 : greatest)));
    }

    private float sink(int row) {
        return one(call.sink(), (unit + row) % problem.heads * call.perSink()) + 0f;
    }

    private boolean meets(int row, int leaf) {
        return from[row] / ATTENTION_LEAF <= leaf && leaf <= to[row] / ATTENTION_LEAF && to[row] >= 0;
    }

    /// First visible key in the leaf, counted from the leaf's first; past its end where the row's keys come later.
    private int first(int row, int leaf) {
        return Math.max(0, from[row] - leaf * ATTENTION_LEAF);
    }

    /// Last visible key in the leaf, counted from the leaf's first; negative where the row's keys came earlier.
    private int last(int row, int leaf) {
        return Math.min(ATTENTION_LEAF - 1, to[row] - leaf * ATTENTION_LEAF);
    }
}
