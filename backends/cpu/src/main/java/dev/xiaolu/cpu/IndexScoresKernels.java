package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.tensor.SeenEntries;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// The indexer's scores and their gradients; the latter in two passes, rows over their entries and entries over their rows, so that no sum is shared between threads.
final class IndexScoresKernels {
    /// Rows of one unit, if the heads of one query are no more.
    private static final int ROWS = 256;
    /// Entries of one unit.
    private static final int ENTRIES = 16 * ATTENTION_LEAF;

    private final Workers workers;
    private final AtomicInteger next = new AtomicInteger();
    private final IndexScoresWorker[] team;
    private final IndexGradWorker[] gradTeam;

    IndexScoresKernels(Workers workers) {
        this.workers = workers;
        team = new IndexScoresWorker[workers.threads()];
        gradTeam = new IndexGradWorker[workers.threads()];
        Arrays.setAll(team, _ -> new IndexScoresWorker());
        Arrays.setAll(gradTeam, _ -> new IndexGradWorker());
    }

    void forward(IndexScores op, Tensor[] in, Tensor[] out) {
        Problem problem = Problem.of(in, null);
        int queries = Math.clamp(ROWS / Math.max(1, problem.heads), 1, Math.max(1, problem.queries));
        int blocks = (problem.queries + queries - 1) / queries;
        int parts = (problem.entries + ENTRIES - 1) / ENTRIES;
        share(problem.batch * blocks * parts, (worker, unit) -> {
            int block = unit / problem.batch % blocks;
            int part = unit / problem.batch / blocks;
            team[worker].run(problem, out[0].data(), unit % problem.batch, block * queries, Math.min(problem.queries, (block + 1) * queries), part * ENTRIES,
                    Math.min(problem.entries, (part + 1) * ENTRIES));
        });
    }

    void gradients(IndexScoresGrad op, Tensor[] in, Tensor[] out) {
        Problem problem = Problem.of(in, in[4]);
        int chunk = JointProblem.chunk(problem.batch, problem.rows(), workers.threads(), AttentionTiles.ROWS, ATTENTION_LEAF);
        int chunks = (problem.rows() + chunk - 1) / chunk;
        share(problem.batch * chunks, (worker, unit) -> {
            int start = (chunks - 1 - unit / problem.batch) * chunk;             // the last rows see most entries: they go first
            gradTeam[worker].rows(problem, out[0].data(), out[2].data(), unit % problem.batch, start, Math.min(problem.rows(), start + chunk));
        });
        int blocks = (problem.entries + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        share(problem.batch * blocks, (worker, unit) -> {
            int entry = unit / problem.batch * ATTENTION_LEAF;
            gradTeam[worker].keys(problem, out[1].data(), unit % problem.batch, entry, Math.min(ATTENTION_LEAF, problem.entries - entry));
        });
    }

    /// Work of one thread on one unit.
    private interface Unit {
        void run(int worker, int unit);
    }

    private void share(int units, Unit work) {
        next.set(0);
        workers.share(Math.min(units, workers.threads()), 1, (from, _) -> {
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                work.run((int) from, unit);
            }
        });
    }

    /// Where the entries of one tensor `[sequences, entries, dim]` lie, in bytes.
    record Rows(MemorySegment data, long perSequence, long perRow) {
        long at(int sequence, int row) {
            return sequence * perSequence + row * perRow;
        }
    }

    /// Sizes and inputs of one call.
    record Problem(int batch, int queries, int heads, int dim, int entries, Heads q, Rows k, Heads weight, SeenEntries seen, MemorySegment dy, long dyPerSequence, long dyPerQuery) {
        static Problem of(Tensor[] in, Tensor dy) {
            int entries = Math.toIntExact(in[1].shape().axis(1));
            return new Problem(Math.toIntExact(in[0].shape().axis(0)), Math.toIntExact(in[0].shape().axis(1)), Math.toIntExact(in[0].shape().axis(2)), Math.toIntExact(in[0].shape().axis(3)), entries,
                    Heads.of(in[0]), new Rows(in[1].data(), 4 * in[1].stride(0), 4 * in[1].stride(1)), Heads.of(in[2]), SeenEntries.of(in[3], false, entries),
                    dy == null ? null : dy.data(), dy == null ? 0 : 4 * dy.stride(0), dy == null ? 0 : 4 * dy.stride(1));
        }

        int rows() {
            return queries * heads;
        }

        /// The first entry that a query sees.
        int first(int sequence, int query) {
            return seen.first(sequence, query);
        }

        /// The entry behind the last one.
        int end(int sequence, int query) {
            return seen.end(sequence, query);
        }

        long dyAt(int sequence, int query, int entry) {
            return sequence * dyPerSequence + query * dyPerQuery + 4L * entry;
        }
    }
}
