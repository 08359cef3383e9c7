package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_BYTES;
import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// One thread's part of [AttentionGradKernel], with its memory, kept between calls.
///
/// A square is one leaf of queries against one leaf of keys: 8 queries at a time their probabilities and gradients of scores are computed and used for the queries' gradients,
/// then, 8 keys at a time, for those of keys and values.
final class AttentionGradWorker {
    private final int[] from = new int[ATTENTION_LEAF];          // visible keys of each query of the square, counted from the leaf's first; from > to where there are none
    private final int[] to = new int[ATTENTION_LEAF];
    private final boolean[] seen = new boolean[ATTENTION_LEAF];  // whether a key of the leaf was seen in the square
    private boolean[] waitingSeen = {};                          // [levels, leaf]
    private float[] h = {};
    private MemorySegment s = MemorySegment.NULL;
    private AttentionProblem problem;
    private AttentionGradKernel.Call call;
    private int sequence;
    private int firstLeaf;                                       // of the block
    private int afterLeaf;
    private int dim;
    private int columns;                                         // dim, padded
    private int queries;
    private int levels;                                          // of the tree over queries
    private int zeros;                                           // [leaf]
    private int m;                                               // [group, queries], like the next two
    private int inverse;
    private int delta;
    private int q;                                               // [leaf, columns], like the next
    private int dy;
    private int p;                                               // [leaf, leaf], like the next
    private int ds;
    private int spare;
    private int dq;                                              // [ROWS, columns]
    private int dk;                                              // [leaf, columns], like the next three
    private int dv;
    private int headsOfK;
    private int headsOfV;
    private int waitingK;                                        // [levels, leaf, columns], like the next
    private int waitingV;
    private int waitingQ;                                        // [levels of the block, group, queries, columns]
    private long turnedK;                                        // [dim, leaf], in bytes like the next
    private long turnedV;
    private long rowsOfK;                                        // [leaf, columns], like the next two
    private long rowsOfQ;
    private long rowsOfDy;

    private void lay() {
        dim = problem.dim;
        columns = AttentionTiles.padded(dim);
        queries = problem.queries;
        levels = AttentionProblem.levels(queries);
        int rows = problem.group * queries;
        int square = ATTENTION_LEAF * columns;
        zeros = 0;
        m = zeros + Math.max(LEAF_ROW, columns);
        inverse = m + rows;
        delta = inverse + rows;
        q = delta + rows;
        dy = q + square;
        p = dy + square;
        ds = p + ATTENTION_LEAF * LEAF_ROW;
        spare = ds + ATTENTION_LEAF * LEAF_ROW;
        dq = spare + AttentionTiles.spare(dim);
        dk = dq + ROWS * columns;
        dv = dk + square;
        headsOfK = dv + square;
        headsOfV = headsOfK + square;
        waitingK = headsOfV + square;
        waitingV = waitingK + levels * square;
        waitingQ = waitingV + levels * square;
        int levelsOfBlock = AttentionProblem.levels(call.leavesOfBlock() * ATTENTION_LEAF);
        int end = Math.addExact(waitingQ, Math.multiplyExact(levelsOfBlock, Math.multiplyExact(rows, columns)));
        if (h.length < end) {
            h = new float[end];
        }
        if (waitingSeen.length < levels * ATTENTION_LEAF) {
            waitingSeen = new boolean[levels * ATTENTION_LEAF];
        }
        Arrays.fill(h, zeros, m, 0);
        turnedK = 0;
        turnedV = turnedK + dim * LEAF_BYTES;
        rowsOfK = turnedV + dim * LEAF_BYTES;
        rowsOfQ = rowsOfK + 4L * square;
        rowsOfDy = rowsOfQ + 4L * square;
        if (s.byteSize() < rowsOfDy + 4L * square) {
            s = Arena.ofAuto().allocate(rowsOfDy + 4L * square, 64);
        }
    }

    /// One group of heads over one block of keys.
    void run(AttentionProblem problem, AttentionGradKernel.Call call, int sequence, int kvHead, int block) {
        this.problem = problem;
        this.call = call;
        this.sequence = sequence;
        lay();
        firstLeaf = block * call.leavesOfBlock();
        afterLeaf = Math.min((problem.keys + ATTENTION_LEAF - 1) / ATTENTION_LEAF, firstLeaf + call.leavesOfBlock());
        for (int member = 0; member < problem.group; member++) {
            prepare(kvHead * problem.group + member, member * queries);
        }
        for (int leaf = firstLeaf; leaf < afterLeaf; leaf++) {
            leafOfKeys(kvHead, leaf);
        }
    }

    /// What the queries of one head need for every key.
    private void prepare(int head, int rows) {
        AttentionTiles.dotsOfPairs(call.dy().data(), call.dy().at(sequence, 0, head), call.dy().perPosition(), call.o().data(), call.o().at(sequence, 0, head),
                call.o().perPosition(), queries, dim, h, delta + rows);
        for (int query = 0; query < queries; query++) {
            h[m + rows + query] = one(call.m().data(), call.m().at(sequence, query, head));
            h[inverse + rows + query] = 1f / one(call.l().data(), call.l().at(sequence, query, head));
            if (call.blocks() == null && problem.last(sequence, query) < 0) {
                Arrays.fill(h, dq, dq + columns, 0);
                write(query, head, dq);
            }
        }
    }

    private void leafOfKeys(int kvHead, int leaf) {
        int start = leaf * ATTENTION_LEAF;
        int count = Math.min(ATTENTION_LEAF, problem.keys - start);
        long ofK = call.k().at(sequence, start, kvHead);
        long ofV = call.v().at(sequence, start, kvHead);
        AttentionPacks.turn(call.k().data(), ofK, call.k().perPosition(), 0, count - 1, dim, s, turnedK);
        AttentionPacks.turn(call.v().data(), ofV, call.v().perPosition(), 0, count - 1, dim, s, turnedV);
        for (int key = 0; key < count; key++) {
            AttentionPacks.packLoop(call.k().data(), ofK + key * call.k().perPosition(), dim, s, rowsOfK + 4L * key * columns, columns);
        }
        for (int member = 0; member < problem.group; member++) {
            head(kvHead * problem.group + member, member * queries, leaf, count);
            if (member == 0) {
                System.arraycopy(h, dk, h, headsOfK, count * columns);
                System.arraycopy(h, dv, h, headsOfV, count * columns);
            } else {
                AttentionRows.addLoop(h, headsOfK, dk, count * columns);
                System.arraycopy(h, dk, h, headsOfK, count * columns);
                AttentionRows.addLoop(h, headsOfV, dv, count * columns);
                System.arraycopy(h, dv, h, headsOfV, count * columns);
            }
        }
        for (int key = 0; key < count; key++) {
            long index = ((long) sequence * problem.keys + start + key) * problem.kvHeads + kvHead;
            AttentionPacks.unpackLoop(h, headsOfK + key * columns, 1, dim, call.dk(), 4 * index * dim);
            AttentionPacks.unpackLoop(h, headsOfV + key * columns, 1, dim, call.dv(), 4 * index * dim);
        }
    }

    /// One head's sums for the keys of a leaf, left in `dk` and `dv`: the leaves of queries in ascending order, merged as a binary counter adds 1.
    private void head(int head, int rows, int leaf, int count) {
        Arrays.fill(waitingSeen, 0, levels * ATTENTION_LEAF, false);
        boolean started = false;
        int leaves = (queries + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        for (int i = 0; i < leaves; i++) {
            Arrays.fill(seen, false);
            boolean any = look(i * ATTENTION_LEAF, leaf);
            if (!any && !started) {
                continue;                                        // nothing waits
            }
            started = true;
            if (any) {
                Arrays.fill(h, dk, dk + ATTENTION_LEAF * columns, 0);
                Arrays.fill(h, dv, dv + ATTENTION_LEAF * columns, 0);
                square(head, rows, i * ATTENTION_LEAF, leaf, count);
            }
            int level = 0;
            for (; (i >> level & 1) == 1; level++) {
                merge(level, count);
            }
            System.arraycopy(h, dk, h, waitingK + level * ATTENTION_LEAF * columns, count * columns);
            System.arraycopy(h, dv, h, waitingV + level * ATTENTION_LEAF * columns, count * columns);
            System.arraycopy(seen, 0, waitingSeen, level * ATTENTION_LEAF, ATTENTION_LEAF);
        }
        Arrays.fill(seen, false);
        for (int level = 0; level < levels; level++) {
            if ((leaves >> level & 1) == 1) {
                merge(level, count);
            }
        }
        for (int key = 0; key < count; key++) {
            if (!seen[key]) {
                Arrays.fill(h, dk + key * columns, dk + key * columns + columns, 0);
                Arrays.fill(h, dv + key * columns, dv + key * columns + columns, 0);
            }
        }
    }

    /// Merges what waits at a level, on the left, into `dk` and `dv`; a side that a key lacks passes the other on.
    private void merge(int level, int count) {
        int left = level * ATTENTION_LEAF;
        for (int key = 0; key < count; key++) {
            if (!waitingSeen[left + key]) {
                continue;
            }
            int of = key * columns;
            if (seen[key]) {
                AttentionRows.addLoop(h, waitingK + left * columns + of, dk + of, columns);
                AttentionRows.addLoop(h, waitingV + left * columns + of, dv + of, columns);
            } else {
                System.arraycopy(h, waitingK + left * columns + of, h, dk + of, columns);
                System.arraycopy(h, waitingV + left * columns + of, h, dv + of, columns);
                seen[key] = true;
            }
            waitingSeen[left + key] = false;
        }
    }

    /// Reads which keys of a leaf the queries from `start` on see; whether any sees any.
    private boolean look(int start, int leaf) {
        boolean any = false;
        for (int i = 0; i < ATTENTION_LEAF; i++) {
            boolean exists = start + i < queries;
            from[i] = exists ? Math.max(0, problem.first(sequence, start + i) - leaf * ATTENTION_LEAF) : ATTENTION_LEAF;
            to[i] = exists ? Math.min(ATTENTION_LEAF - 1, problem.last(sequence, start + i) - leaf * ATTENTION_LEAF) : -1;
            any |= from[i] <= to[i];
        }
        return any;
    }

    private void square(int head, int rows, int start, int leaf, int count) {
        int here = Math.min(ATTENTION_LEAF, queries - start);
        for (int i = 0; i < here; i++) {
            long ofQ = call.q().at(sequence, start + i, head);
            long ofDy = call.dy().at(sequence, start + i, head);
            AttentionPacks.packLoop(call.q().data(), ofQ, dim, h, q + i * columns, columns);
            AttentionPacks.packLoop(call.dy().data(), ofDy, dim, h, dy + i * columns, columns);
            AttentionPacks.packLoop(call.q().data(), ofQ, dim, s, rowsOfQ + 4L * i * columns, columns);
            AttentionPacks.packLoop(call.dy().data(), ofDy, dim, s, rowsOfDy + 4L * i * columns, columns);
        }
        int lowest = 0;                                          // keys that every query of the square sees: lowest..highest
        int highest = ATTENTION_LEAF - 1;
        for (int i = 0; i < here; i++) {
            lowest = Math.max(lowest, from[i]);
            highest = Math.min(highest, to[i]);
            for (int key = from[i]; key <= to[i]; key++) {
                seen[key] = true;
            }
        }
        for (int i = 0; i < here; i += ROWS) {
            queriesOf(head, rows, start, i, Math.min(ROWS, here - i), leaf);
        }
        for (int key = 0; key < count; key += ROWS) {
            if (lowest <= key && Math.min(count, key + ROWS) - 1 <= highest) {
                together(key, 0, here);
            } else {
                keysOf(key, Math.min(count, key + ROWS) - 1, here);
            }
        }
    }

    /// Probabilities and gradients of the scores of 8 queries, and their own gradients from this leaf.
    private void queriesOf(int head, int rows, int start, int i, int count, int leaf) {
        int low = ATTENTION_LEAF;
        int high = -1;
        int lowest = 0;
        int highest = ATTENTION_LEAF - 1;
        for (int row = i; row < i + count; row++) {
            if (from[row] <= to[row]) {
                low = Math.min(low, from[row]);
                high = Math.max(high, to[row]);
            }
            lowest = Math.max(lowest, from[row]);
            highest = Math.min(highest, to[row]);
        }
        if (high < 0) {
            return;
        }
        low = low / STRIP * STRIP;
        int wide = (high - low) / STRIP * STRIP + STRIP;
        AttentionTiles.dots(h, q + i * columns, columns, s, turnedK + 4L * low, dim, zeros, p + i * LEAF_ROW + low, wide, spare);
        AttentionTiles.dots(h, dy + i * columns, columns, s, turnedV + 4L * low, dim, zeros, ds + i * LEAF_ROW + low, wide, spare);
        boolean together = highest - lowest + 1 >= ROWS;
        Arrays.fill(h, dq, dq + ROWS * columns, 0);
        for (int row = i; row < i + count; row++) {
            if (from[row] <= to[row]) {
                int at = rows + start + row;
                AttentionRows.gradientLoop(h, p + row * LEAF_ROW, ds + row * LEAF_ROW, from[row], to[row], call.scale(), h[m + at], h[inverse + at], h[delta + at]);
                addKeys(row, i, from[row], together ? lowest : to[row] + 1);
            }
        }
        if (together) {
            AttentionTiles.product(h, ds + i * LEAF_ROW + lowest, LEAF_ROW, 1, s, rowsOfK + 4L * lowest * columns, 4L * columns, highest - lowest + 1, dq, columns, dq, columns, columns);
        }
        for (int row = i; row < i + count; row++) {
            if (from[row] <= to[row]) {
                addKeys(row, i, together ? highest + 1 : to[row] + 1, to[row] + 1);
                gather(head, rows, start + row, dq + (row - i) * columns, leaf);
            }
        }
    }

    /// Goes on with the chain of one query over the keys `start` (inclusive) to `end` (exclusive).
    private void addKeys(int row, int i, int start, int end) {
        if (start < end) {
            AttentionTiles.rowProductLoop(h, ds + row * LEAF_ROW + start, 1, s, rowsOfK + 4L * start * columns, 4L * columns, end - start, dq + (row - i) * columns, columns);
        }
    }

    /// Merges a query's sum over `leaf`, at `sum`, into its tree over the leaves of the block.
    private void gather(int head, int rows, int query, int sum, int leaf) {
        int index = leaf - firstLeaf;
        int first = Math.max(problem.first(sequence, query) / ATTENTION_LEAF, firstLeaf) - firstLeaf;
        boolean done = Math.min(problem.last(sequence, query) / ATTENTION_LEAF, afterLeaf - 1) == leaf;
        for (int level = 0; !done || index >> level != 0; level++) {
            int waiting = waitingQ + ((level * problem.group * queries) + rows + query) * columns;
            if ((index >> level & 1) == 1) {
                if (first < index >> level << level) {
                    AttentionRows.addLoop(h, waiting, sum, columns);
                }
            } else if (!done) {
                System.arraycopy(h, sum, h, waiting, columns);
                return;
            }
        }
        write(query, head, sum);
    }

    private void write(int query, int head, int sum) {
        long index = ((long) sequence * queries + query) * problem.heads + head;
        if (call.blocks() == null) {
            AttentionPacks.unpackLoop(h, sum, 1, dim, call.dq(), 4 * index * dim);
        } else {
            System.arraycopy(h, sum, call.blocks()[firstLeaf / call.leavesOfBlock()], (int) (index * dim), dim);
        }
    }

    /// The gradients of the keys `key` to `end` (at most 8) from this square: runs of queries that see all of them in one product, other runs key by key.
    private void keysOf(int key, int end, int here) {
        for (int i = 0; i < here; ) {
            int start = i;
            while (i < here && (from[i] > end || to[i] < key)) {
                i++;
            }
            start = i;
            while (i < here && from[i] <= key && end <= to[i]) {
                i++;
            }
            if (start < i) {
                together(key, start, i);
                continue;
            }
            while (i < here && (from[i] > key || end > to[i])) {
                i++;
            }
            for (int one = key; one <= end; one++) {
                apart(one, start, i);
            }
        }
    }

    /// The queries `start` (inclusive) to `end` (exclusive) all see the 8 keys from `key` on.
    private void together(int key, int start, int end) {
        AttentionTiles.product(h, ds + start * LEAF_ROW + key, 1, LEAF_ROW, s, rowsOfQ + 4L * start * columns, 4L * columns, end - start, dk + key * columns, columns,
                dk + key * columns, columns, columns);
        AttentionTiles.product(h, p + start * LEAF_ROW + key, 1, LEAF_ROW, s, rowsOfDy + 4L * start * columns, 4L * columns, end - start, dv + key * columns, columns,
                dv + key * columns, columns, columns);
    }

    /// Some of the queries `start` (inclusive) to `end` (exclusive) see `key`.
    private void apart(int key, int start, int end) {
        for (int i = start; i < end; ) {
            int run = i;
            while (i < end && from[i] <= key && key <= to[i]) {
                i++;
            }
            if (run < i) {
                AttentionTiles.rowProductLoop(h, ds + run * LEAF_ROW + key, LEAF_ROW, s, rowsOfQ + 4L * run * columns, 4L * columns, i - run, dk + key * columns, columns);
                AttentionTiles.rowProductLoop(h, p + run * LEAF_ROW + key, LEAF_ROW, s, rowsOfDy + 4L * run * columns, 4L * columns, i - run, dv + key * columns, columns);
            } else {
                i++;
            }
        }
    }
}
