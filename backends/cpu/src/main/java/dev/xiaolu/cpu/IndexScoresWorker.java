package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_BYTES;
import static dev.xiaolu.cpu.AttentionTiles.LEAF_ROW;
import static dev.xiaolu.cpu.AttentionTiles.ROWS;
import static dev.xiaolu.cpu.AttentionTiles.STRIP;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// One thread's part of the indexer's scores: some queries against some entries, 128 entries at a time, 8 rows (heads of queries) at a time.
final class IndexScoresWorker {
    private float[] h = {};
    private MemorySegment s = MemorySegment.NULL;
    private int columns;                                         // dim, padded
    private int zeros;                                           // [leaf]
    private int q;                                               // [rows, columns]
    private int dots;                                            // [ROWS, leaf]
    private int spare;
    private int scores;                                          // [queries, leaf]

    private void lay(int dim, int queries, int heads) {
        columns = AttentionTiles.padded(dim);
        zeros = 0;
        q = LEAF_ROW;
        dots = q + (queries * heads + ROWS) * columns;
        spare = dots + ROWS * LEAF_ROW;
        scores = spare + AttentionTiles.spare(dim);
        int end = scores + queries * LEAF_ROW;
        if (h.length < end) {
            h = new float[end];
        }
        Arrays.fill(h, zeros, q, 0);
        if (s.byteSize() < dim * LEAF_BYTES) {
            s = Arena.ofAuto().allocate(dim * LEAF_BYTES, 64);
        }
    }

    /// The queries `start` to `end` against the entries `from` to `to`, the ends not included.
    void run(IndexScoresKernels.Problem problem, MemorySegment y, int sequence, int start, int end, int from, int to) {
        int queries = end - start;
        lay(problem.dim(), queries, problem.heads());
        int least = Integer.MAX_VALUE;
        int most = 0;
        for (int query = start; query < end; query++) {
            least = Math.min(least, problem.first(sequence, query));
            most = Math.max(most, problem.end(sequence, query));
            for (int head = 0; head < problem.heads(); head++) {
                AttentionPacks.packLoop(problem.q().data(), problem.q().at(sequence, query, head), problem.dim(), h, q + ((query - start) * problem.heads() + head) * columns, columns);
            }
        }
        for (int entry = from; entry < to; entry += ATTENTION_LEAF) {
            int count = Math.min(ATTENTION_LEAF, Math.min(to, most) - entry);
            Arrays.fill(h, scores, scores + queries * LEAF_ROW, 0);
            if (count > 0 && least < entry + count) {
                AttentionPacks.turn(problem.k().data(), problem.k().at(sequence, entry), problem.k().perRow(), 0, count - 1, problem.dim(), s, 0);
                add(problem, sequence, start, queries, count);
            }
            for (int query = 0; query < queries; query++) {
                int seen = Math.clamp(problem.end(sequence, start + query) - entry, 0, Math.min(ATTENTION_LEAF, to - entry));
                int first = Math.clamp(problem.first(sequence, start + query) - entry, 0, seen);
                long at = 4 * (((long) sequence * problem.queries() + start + query) * problem.entries() + entry);
                for (int i = 0; i < first; i++) {
                    set(y, at + 4L * i, Float.NEGATIVE_INFINITY);
                }
                MemorySegment.copy(h, scores + query * LEAF_ROW + first, y, JAVA_FLOAT, at + 4L * first, seen - first);
                for (int i = seen; i < Math.min(ATTENTION_LEAF, to - entry); i++) {
                    set(y, at + 4L * i, Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    private void add(IndexScoresKernels.Problem problem, int sequence, int start, int queries, int count) {
        int wide = (count + STRIP - 1) / STRIP * STRIP;
        int rows = queries * problem.heads();
        for (int i = 0; i < rows; i += ROWS) {
            AttentionTiles.dots(h, q + i * columns, columns, s, 0, problem.dim(), zeros, dots, wide, spare);
            for (int row = i; row < Math.min(rows, i + ROWS); row++) {
                int query = row / problem.heads();
                float weight = one(problem.weight().data(), problem.weight().at(sequence, start + query, row % problem.heads()));
                addHeadLoop(h, dots + (row - i) * LEAF_ROW, weight, scores + query * LEAF_ROW, wide);
            }
        }
    }

    /// `scores = fma(weight, relu(dots), scores)`.
    private static void addHeadLoop(float[] h, int dots, float weight, int scores, int wide) {
        FloatVector w = FloatVector.broadcast(FLOATS, weight);
        for (int i = 0; i < wide; i += LANES) {
            FloatVector d = FloatVector.fromArray(FLOATS, h, dots + i);
            w.fma(d.blend(0f, d.compare(VectorOperators.LT, 0f)), FloatVector.fromArray(FLOATS, h, scores + i)).intoArray(h, scores + i);
        }
    }
}
