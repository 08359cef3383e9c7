package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.JointProblem.ENTRIES;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// One thread's part of [AttentionShareKernel]: the sums of the heads' probabilities, 128 entries at a time.
final class AttentionShareWorker {
    private final JointKeys keys = new JointKeys();
    private float[] h = {};
    private int columns;                                         // dim, padded
    private int zeros;                                           // [leaf]
    private int q;                                               // [rows, columns]
    private int scores;                                          // [ROWS, leaf]
    private int spare;
    private int shares;                                          // [queries, leaf]

    private void lay(int dim, int queries, int heads) {
        columns = AttentionTiles.padded(dim);
        zeros = 0;
        q = LEAF_ROW;
        scores = q + (queries * heads + ROWS) * columns;
        spare = scores + ROWS * LEAF_ROW;
        shares = spare + AttentionTiles.spare(dim);
        int end = shares + queries * LEAF_ROW;
        if (h.length < end) {
            h = new float[end];
        }
        Arrays.fill(h, zeros, q, 0);
        if (heads == 0) {
            Arrays.fill(h, shares, end, 0);                      // which the first head would have overwritten
        }
        keys.lay(dim);
    }

    /// Writes the undivided sums of the queries `start` (inclusive) to `end` (exclusive) where they see something.
    void run(JointProblem problem, AttentionShareKernel.Call call, int sequence, int start, int end) {
        lay(problem.dim, end - start, problem.heads);
        for (int row = 0; row < (end - start) * problem.heads; row++) {
            AttentionPacks.packLoop(problem.q.data(), problem.q.at(sequence, start + row / problem.heads, row % problem.heads), problem.dim, h, q + row * columns, columns);
        }
        for (int query = start; query < end; ) {                 // gathered entries are a query's own
            int after = problem.gathered ? query + 1 : end;
            int first = Integer.MAX_VALUE;
            int last = -1;
            for (int each = query; each < after; each++) {
                first = Math.min(first, problem.first(ENTRIES, sequence, each));
                last = Math.max(last, problem.last(ENTRIES, sequence, each));
            }
            for (int leaf = first / ATTENTION_LEAF; last >= 0 && leaf * ATTENTION_LEAF <= last; leaf++) {
                keys.load(problem, ENTRIES, sequence, query, leaf, 0, Math.min(ATTENTION_LEAF - 1, last - leaf * ATTENTION_LEAF));
                leaf(problem, call, sequence, start, query, after, leaf, Math.min(ATTENTION_LEAF, last + 1 - leaf * ATTENTION_LEAF));
            }
            query = after;
        }
    }

    private void leaf(JointProblem problem, AttentionShareKernel.Call call, int sequence, int start, int query, int after, int leaf, int count) {
        int wide = (count + STRIP - 1) / STRIP * STRIP;
        int end = (after - start) * problem.heads;
        for (int i = (query - start) * problem.heads; i < end; i += ROWS) {
            AttentionTiles.dots(h, q + i * columns, columns, keys.s, JointKeys.TURNED, problem.dim, zeros, scores, wide, spare);
            for (int row = i; row < Math.min(end, i + ROWS); row++) {
                int of = row / problem.heads;
                int head = row % problem.heads;
                int at = scores + (row - i) * LEAF_ROW;
                multiplyLoop(h, at, call.scale(), wide);
                AttentionRows.exponentialLoop(h, at, at + wide, one(call.m().data(), call.m().at(sequence, start + of, head)));
                addLoop(h, at, 1 / one(call.l().data(), call.l().at(sequence, start + of, head)), shares + of * LEAF_ROW, wide, head == 0);
            }
        }
        for (int each = query; each < after; each++) {
            int from = Math.max(0, problem.first(ENTRIES, sequence, each) - leaf * ATTENTION_LEAF);
            int to = Math.min(ATTENTION_LEAF, problem.last(ENTRIES, sequence, each) + 1 - leaf * ATTENTION_LEAF);
            if (from < to) {
                AttentionPacks.unpackLoop(h, shares + (each - start) * LEAF_ROW + from, 1, to - from, call.share(), 4 * (((long) sequence * problem.queries + each) * call.places() + leaf * ATTENTION_LEAF + from));
            }
        }
    }

    private static void multiplyLoop(float[] h, int at, float factor, int wide) {
        for (int i = 0; i < wide; i += LANES) {
            FloatVector.fromArray(FLOATS, h, at + i).mul(factor).intoArray(h, at + i);
        }
    }

    /// `sum = sum + p · inverse`, or `p · inverse` for the first head.
    private static void addLoop(float[] h, int p, float inverse, int sum, int wide, boolean first) {
        if (first) {                                             // not a choice inside of one loop: a vector that comes from two places may become an object
            for (int i = 0; i < wide; i += LANES) {
                FloatVector.fromArray(FLOATS, h, p + i).mul(inverse).intoArray(h, sum + i);
            }
            return;
        }
        for (int i = 0; i < wide; i += LANES) {
            FloatVector.fromArray(FLOATS, h, sum + i).add(FloatVector.fromArray(FLOATS, h, p + i).mul(inverse)).intoArray(h, sum + i);
        }
    }
}
