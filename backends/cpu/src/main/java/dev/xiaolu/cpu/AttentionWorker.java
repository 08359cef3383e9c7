package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionKernel.CHUNK;
import static dev.xiaolu.cpu.AttentionKernel.TILE;
import static dev.xiaolu.cpu.AttentionTiles.LEAF_BYTES;
import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// One thread's part of [AttentionKernel], with its memory, kept between calls: what is read as rows by scalars and written as results in the array `h`, what is read by vectors in the segment `s`.
final class AttentionWorker {
    /// With so few rows a leaf's keys are read where they lie instead of being turned first.
    private static final int FEW = 4;

    private final int[] first = new int[CHUNK];              // by row of the unit
    private final int[] last = new int[CHUNK];
    private float[] h = {};
    private MemorySegment s = MemorySegment.NULL;
    private int dim;
    private int columns;                                     // dim, padded
    private int padded;                                      // rows of the unit, padded to tiles
    private int zeros;                                       // [leaf]
    private int q;                                           // [padded, columns]
    private int scores;                                      // [TILE, leaf]
    private int spare;
    private int o;                                           // [TILE, columns]: what the tile has just gathered
    private int m;                                           // [TILE], like the next five
    private int l;
    private int newM;
    private int newL;
    private int ofLeft;
    private int ofRight;                                     // directly behind ofLeft
    private int waitingM;                                    // [levels, padded]
    private int waitingL;
    private int waitingO;                                    // [levels, padded, columns]
    private long turnedK;                                    // [dim, leaf], in bytes like the next
    private long v;                                          // [leaf, columns]

    private void lay(AttentionProblem problem, int rows) {
        dim = problem.dim;
        columns = AttentionTiles.padded(dim);
        padded = (rows + TILE - 1) / TILE * TILE;
        int levels = AttentionProblem.levels(problem.keys);
        zeros = 0;
        q = zeros + LEAF_ROW;
        scores = q + padded * columns + 16;                  // a vector may be written before the first row
        spare = scores + TILE * LEAF_ROW;
        o = spare + AttentionTiles.spare(dim);
        m = o + TILE * columns;
        l = m + TILE;
        newM = l + TILE;
        newL = newM + TILE;
        ofLeft = newL + TILE;
        ofRight = ofLeft + TILE;
        waitingM = ofRight + TILE;
        waitingL = waitingM + levels * padded;
        waitingO = waitingL + levels * padded;
        int end = Math.addExact(waitingO, Math.multiplyExact(levels * padded, columns));
        if (h.length < end) {
            h = new float[end];
        }
        Arrays.fill(h, zeros, zeros + LEAF_ROW, 0);
        turnedK = 0;
        v = dim * LEAF_BYTES;
        long bytes = v + 4L * ATTENTION_LEAF * columns;
        if (s.byteSize() < bytes) {
            s = Arena.ofAuto().allocate(bytes, 64);
        }
    }

    /// The rows `from` (inclusive) to `to` (exclusive) of one group of heads.
    void attend(AttentionProblem problem, AttentionKernel.Call call, int sequence, int kvHead, int from, int to) {
        int rows = to - from;
        lay(problem, rows);
        int firstKey = Integer.MAX_VALUE;
        int lastKey = -1;
        for (int row = 0; row < rows; row++) {
            int query = (from + row) / problem.group;
            int head = kvHead * problem.group + (from + row) % problem.group;
            first[row] = problem.first(sequence, query);
            last[row] = problem.last(sequence, query);
            firstKey = Math.min(firstKey, first[row]);
            lastKey = Math.max(lastKey, last[row]);
            AttentionPacks.packLoop(call.q().data(), call.q().at(sequence, query, head), dim, h, q + row * columns, columns);
            if (last[row] < 0) {
                finish(problem, call, sequence, kvHead, from + row, -1);
            }
        }
        for (int leaf = firstKey / ATTENTION_LEAF; lastKey >= 0 && leaf <= lastKey / ATTENTION_LEAF; leaf++) {
            leaf(problem, call, sequence, kvHead, from, rows, leaf);
        }
    }

    private void leaf(AttentionProblem problem, AttentionKernel.Call call, int sequence, int kvHead, int unit, int rows, int leaf) {
        int from = ATTENTION_LEAF;
        int to = -1;
        for (int row = 0; row < rows; row++) {
            if (meets(row, leaf)) {
                from = Math.min(from, first(row, leaf));
                to = Math.max(to, last(row, leaf));
            }
        }
        boolean few = rows <= FEW;
        boolean packV = !few || dim % Vectors.LANES != 0;    // vectors would read past the end of a row that is not whole vectors
        long ofK = call.k().at(sequence, leaf * ATTENTION_LEAF, kvHead);
        long ofV = call.v().at(sequence, leaf * ATTENTION_LEAF, kvHead);
        if (!few) {
            AttentionPacks.turn(call.k().data(), ofK, call.k().perPosition(), from, to, dim, s, turnedK);
        }
        for (int key = from; packV && key <= to; key++) {
            AttentionPacks.packLoop(call.v().data(), ofV + key * call.v().perPosition(), dim, s, v + 4L * key * columns, columns);
        }
        for (int tile = 0; tile < rows; tile += TILE) {
            int count = Math.min(TILE, rows - tile);
            boolean any = false;
            for (int row = tile; row < tile + count; row++) {
                any |= meets(row, leaf);
            }
            if (any && few) {
                scoreFew(call, ofK, leaf, count);
                if (packV) {
                    weighFew(s, v, 4L * columns, columns, leaf, count);
                } else {
                    weighFew(call.v().data(), ofV, call.v().perPosition(), dim, leaf, count);
                }
            } else if (any) {
                for (int half = tile; half < tile + count; half += ROWS) {
                    score(call.scale(), tile, half, Math.min(ROWS, rows - half), leaf);
                    weigh(tile, half, Math.min(ROWS, rows - half), leaf);
                }
            }
            if (any) {
                gather(problem, call, sequence, kvHead, unit, tile, count, leaf);
            }
        }
    }

    private void score(float scale, int tile, int half, int count, int leaf) {
        int from = ATTENTION_LEAF;
        int to = -1;
        for (int row = half; row < half + count; row++) {
            if (meets(row, leaf)) {
                from = Math.min(from, first(row, leaf));
                to = Math.max(to, last(row, leaf));
            }
        }
        if (to < 0) {
            return;
        }
        from = from / STRIP * STRIP;
        int at = scores + (half - tile) * LEAF_ROW + from;
        AttentionTiles.dots(h, q + half * columns, columns, s, turnedK + 4L * from, dim, zeros, at, (to - from) / STRIP * STRIP + STRIP, spare);
        for (int row = half; row < half + count; row++) {
            if (meets(row, leaf)) {
                softmax(scale, row, tile, leaf);
            }
        }
    }

    private void scoreFew(AttentionKernel.Call call, long ofK, int leaf, int count) {
        for (int row = 0; row < count; row++) {
            if (meets(row, leaf)) {
                int from = first(row, leaf);
                AttentionTiles.dotsOfRow(h, q + row * columns, call.k().data(), ofK + from * call.k().perPosition(), call.k().perPosition(), last(row, leaf) - from + 1, dim,
                        scores + row * LEAF_ROW + from);
                softmax(call.scale(), row, 0, leaf);
            }
        }
    }

    private void softmax(float scale, int row, int tile, int leaf) {
        AttentionRows.softmaxLoop(h, scores + (row - tile) * LEAF_ROW, first(row, leaf), last(row, leaf), scale, m + row - tile, l + row - tile);
    }

    /// The weighted values of 8 rows: the keys that all of them see in one product, those before and after row by row.
    private void weigh(int tile, int half, int count, int leaf) {
        int weights = scores + (half - tile) * LEAF_ROW;
        int sums = o + (half - tile) * columns;
        Arrays.fill(h, sums, sums + ROWS * columns, 0);
        int from = 0;
        int to = ATTENTION_LEAF - 1;
        for (int row = half; row < half + count; row++) {
            from = Math.max(from, first(row, leaf));
            to = Math.min(to, last(row, leaf));
        }
        boolean together = to - from + 1 >= ROWS;
        for (int i = 0; i < count; i++) {
            int start = first(half + i, leaf);
            int end = together ? from : last(half + i, leaf) + 1;
            if (start < end) {
                AttentionTiles.rowProductLoop(h, weights + i * LEAF_ROW + start, 1, s, v + 4L * start * columns, 4L * columns, end - start, sums + i * columns, columns);
            }
        }
        if (together) {
            AttentionTiles.product(h, weights + from, LEAF_ROW, 1, s, v + 4L * from * columns, 4L * columns, to - from + 1, sums, columns, sums, columns, columns);
            int start = to + 1;
            for (int i = 0; i < count; i++) {
                int end = last(half + i, leaf) + 1;
                if (start < end) {
                    AttentionTiles.rowProductLoop(h, weights + i * LEAF_ROW + start, 1, s, v + 4L * start * columns, 4L * columns, end - start, sums + i * columns, columns);
                }
            }
        }
    }

    private void weighFew(MemorySegment values, long at, long step, int used, int leaf, int count) {
        for (int row = 0; row < count; row++) {
            if (meets(row, leaf)) {
                int from = first(row, leaf);
                int sums = o + row * columns;
                Arrays.fill(h, sums, sums + columns, 0);
                AttentionTiles.rowProductLoop(h, scores + row * LEAF_ROW + from, 1, values, at + from * step, step, last(row, leaf) - from + 1, sums, used);
            }
        }
    }

    /// Merges what a tile has gathered from `leaf` into the tree, level by level, as a binary counter adds 1.
    ///
    /// One method on purpose: it is too large to be inlined into its caller, where what it inlines itself would no longer fit.
    private void gather(AttentionProblem problem, AttentionKernel.Call call, int sequence, int kvHead, int unit, int tile, int count, int leaf) {
        int going = 0;                                       // rows whose node has not come to rest, one bit each
        int done = 0;                                        // rows for which this is the last leaf
        for (int i = 0; i < count; i++) {
            if (meets(tile + i, leaf)) {
                going |= 1 << i;
                done |= last[tile + i] / ATTENTION_LEAF == leaf ? 1 << i : 0;
            }
        }
        for (int level = 0; going != 0 && (going != done || leaf >> level != 0); level++) {
            int slot = level * padded + tile;                // of the tile's first row
            if ((leaf >> level & 1) == 0) {                  // a left side: it waits, unless nothing will come from the right
                for (int i = 0; i < count; i++) {
                    if (((going & ~done) >> i & 1) != 0) {
                        h[waitingM + slot + i] = h[m + i];
                        h[waitingL + slot + i] = h[l + i];
                        System.arraycopy(h, o + i * columns, h, waitingO + (slot + i) * columns, columns);
                    }
                }
                going &= done;
                continue;
            }
            AttentionRows.maximaLoop(h, TILE, waitingM + slot, m, newM, ofLeft, ofRight);
            AttentionRows.exponentialLoop(h, ofLeft, ofRight + TILE, 0);
            AttentionRows.sumsLoop(h, TILE, waitingL + slot, ofLeft, l, ofRight, newL);
            int startOfRight = (leaf >> level << level) * ATTENTION_LEAF;
            for (int i = 0; i < count; i++) {
                if ((going >> i & 1) != 0 && first[tile + i] < startOfRight) {   // else there is no left side, and the right one is passed on
                    AttentionRows.mergeLoop(h, waitingO + (slot + i) * columns, h[ofLeft + i], o + i * columns, h[ofRight + i], columns);
                    h[m + i] = h[newM + i];
                    h[l + i] = h[newL + i];
                }
            }
        }
        for (int i = 0; i < count; i++) {
            if ((done >> i & 1) != 0) {
                finish(problem, call, sequence, kvHead, unit + tile + i, i);
            }
        }
    }

    /// Writes one row of the outputs from row `i` of the tile, or that of a query that sees nothing where `i` is negative.
    private void finish(AttentionProblem problem, AttentionKernel.Call call, int sequence, int kvHead, int row, int i) {
        int query = row / problem.group;
        int head = kvHead * problem.group + row % problem.group;
        long index = ((long) sequence * problem.queries + query) * problem.heads + head;
        if (i < 0) {
            for (int c = 0; c < dim; c++) {
                set(call.o(), 4 * (index * dim + c), 0);
            }
            set(call.m(), 4 * index, Float.NEGATIVE_INFINITY);
            set(call.l(), 4 * index, 0);
        } else {
            AttentionPacks.unpackLoop(h, o + i * columns, 1f / h[l + i], dim, call.o(), 4 * index * dim);
            set(call.m(), 4 * index, h[m + i]);
            set(call.l(), 4 * index, h[l + i]);
        }
    }

    private boolean meets(int row, int leaf) {
        return first[row] / ATTENTION_LEAF <= leaf && leaf <= last[row] / ATTENTION_LEAF && last[row] >= 0;
    }

    /// First visible key in the leaf, counted from the leaf's first; past its end where the row's keys come later.
    private int first(int row, int leaf) {
        return Math.max(0, first[row] - leaf * ATTENTION_LEAF);
    }

    /// Last visible key in the leaf, counted from the leaf's first; negative where the row's keys came earlier.
    private int last(int row, int leaf) {
        return Math.min(ATTENTION_LEAF - 1, last[row] - leaf * ATTENTION_LEAF);
    }
}
