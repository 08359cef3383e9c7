package dev.xiaolu.cpu;

import dev.xiaolu.op.JointAttention;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Joint attention forward.
///
/// A unit of work is a chunk of the rows of one sequence: they go through the leaves of the entries, then through those of the raw keys. Units are taken by whichever thread is free: that changes no sum.
/// Where units are fewer than threads, the leaves of the entries are worked out before, in parts that are whole nodes of the tree ([JointParts]).
final class JointAttentionKernel implements Kernel<JointAttention> {
    /// Rows of the largest unit.
    static final int CHUNK = 256;

    private final Workers workers;
    private final JointProblem problem = new JointProblem();
    private final JointParts parts = new JointParts();
    private final AtomicInteger next = new AtomicInteger();
    private final JointAttentionWorker[] team;

    JointAttentionKernel(Workers workers) {
        this.workers = workers;
        team = new JointAttentionWorker[workers.threads()];
        Arrays.setAll(team, _ -> new JointAttentionWorker());
    }

    @Override public void run(JointAttention op, Tensor[] in, Tensor[] out) {
        problem.read(in, op.gathered());
        int rows = problem.rows();
        int chunk = JointProblem.chunk(problem.batch, rows, workers.threads(), AttentionKernel.TILE, CHUNK);
        int chunks = (rows + chunk - 1) / chunk;
        int units = problem.batch * chunks;
        var call = new Call(op.scale(), in[3].data(), 4 * in[3].stride(0), out[0].data(), out[1].data(), out[2].data());
        parts.cut(problem, units, Math.min(chunk, rows), workers.threads());
        if (parts.count() > 1) {
            share(units * parts.count(), (worker, part) -> {
                int unit = part / parts.count();
                int fromRow = unit / problem.batch * chunk;
                worker.part(problem, call, parts, unit, unit % problem.batch, fromRow, Math.min(rows, fromRow + chunk), part % parts.count());
            });
        }
        share(units, (worker, unit) -> {
            int fromRow = (chunks - 1 - unit / problem.batch) * chunk;            // the last rows see most entries: they go first
            int sequence = unit % problem.batch;
            worker.attend(problem, call, parts, fromRow / chunk * problem.batch + sequence, sequence, fromRow, Math.min(rows, fromRow + chunk));
        });
    }

    /// Work of one thread on one unit, or on one part of it.
    private interface Unit {
        void run(JointAttentionWorker worker, int unit);
    }

    private void share(int units, Unit work) {
        next.set(0);
        workers.share(Math.min(units, workers.threads()), 1, (from, _) -> {
            JointAttentionWorker worker = team[(int) from];
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                work.run(worker, unit);
            }
        });
    }

    /// What every unit of one call reads and writes.
    record Call(float scale, MemorySegment sink, long perSink, MemorySegment o, MemorySegment m, MemorySegment l) {}
}
