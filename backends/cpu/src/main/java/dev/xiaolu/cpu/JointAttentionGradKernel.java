package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static dev.xiaolu.op.Numerics.LEAF;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Sums;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Gradients of joint attention, in two passes: rows sum over their keys, then keys over their rows, with the probabilities computed again. So no sum is ever shared between threads, and no square of them is kept.
final class JointAttentionGradKernel implements Kernel<JointAttentionGrad> {
    private final Workers workers;
    private final JointProblem problem = new JointProblem();
    private final AtomicInteger next = new AtomicInteger();
    private final JointRowsGrad[] rowTeam;
    private final JointKeysGrad[] keyTeam;
    private float[] deltas = {};                                 // [batch, rows]

    JointAttentionGradKernel(Workers workers) {
        this.workers = workers;
        rowTeam = new JointRowsGrad[workers.threads()];
        keyTeam = new JointKeysGrad[workers.threads()];
        Arrays.setAll(rowTeam, _ -> new JointRowsGrad());
        Arrays.setAll(keyTeam, _ -> new JointKeysGrad());
    }

    @Override public void run(JointAttentionGrad op, Tensor[] in, Tensor[] out) {
        problem.read(in, op.gathered());
        int rows = problem.rows();
        if (deltas.length < problem.batch * rows) {
            deltas = new float[problem.batch * rows];
        }
        var call = new Call(op.scale(), Heads.of(in[8]), Heads.of(in[9]), Heads.of(in[10]), Heads.of(in[11]), deltas, out[0].data());
        int chunk = JointProblem.chunk(problem.batch, rows, workers.threads(), AttentionTiles.ROWS, ATTENTION_LEAF);
        int chunks = (rows + chunk - 1) / chunk;
        share(problem.batch * chunks, (worker, unit) -> {
            int fromRow = (chunks - 1 - unit / problem.batch) * chunk;            // the last rows see most entries: they go first
            rowTeam[worker].run(problem, call, unit % problem.batch, fromRow, Math.min(rows, fromRow + chunk));
        });
        int blocksOfEntries = (problem.entries + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        int blocks = blocksOfEntries + (problem.rawRows + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        share(problem.batch * blocks, (worker, unit) -> {
            int block = unit / problem.batch;
            int side = block < blocksOfEntries ? JointProblem.ENTRIES : JointProblem.RAW;
            keyTeam[worker].run(problem, call, unit % problem.batch, side, side == JointProblem.RAW ? block - blocksOfEntries : block, out[side == JointProblem.RAW ? 1 : 2].data());
        });
        workers.share((long) op.leaves() * problem.heads, 1, (from, to) -> {
            float[] sums = new float[(problem.batch / op.leaves() * problem.queries + LEAF - 1) / LEAF];
            for (long sink = from; sink < to; sink++) {
                sink(call, in[3], (int) (sink / problem.heads), (int) (sink % problem.heads), problem.batch / op.leaves(), sums);
                set(out[3].data(), 4 * sink, Sums.tree(sums, sums.length));
            }
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

    /// The leaves of one head's sum over the queries of one leaf of work.
    private void sink(Call call, Tensor sinks, int leaf, int head, int sequences, float[] sums) {
        Arrays.fill(sums, 0);
        float sink = one(sinks.data(), 4 * head * sinks.stride(0)) + 0f;
        for (int i = 0; i < sequences * problem.queries; i++) {
            int sequence = leaf * sequences + i / problem.queries;
            int query = i % problem.queries;
            if (problem.sees(sequence, query)) {
                float p = Elementary.exp(sink - one(call.m.data(), call.m.at(sequence, query, head))) * (1 / one(call.l.data(), call.l.at(sequence, query, head)));
                sums[i / LEAF] = Math.fma(-p, deltas[sequence * problem.rows() + query * problem.heads + head], sums[i / LEAF]);
            }
        }
    }

    /// What every unit of one call reads and writes; `deltas` is written by the rows' turn and read by the keys'.
    record Call(float scale, Heads o, Heads m, Heads l, Heads dy, float[] deltas, MemorySegment dq) {}
}
