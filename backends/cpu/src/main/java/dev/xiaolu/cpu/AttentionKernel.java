package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.ROWS;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import dev.xiaolu.op.Attention;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Attention forward.
///
/// A unit of work is a chunk of the rows of one group of heads: the rows go through the leaves of keys in ascending order, 16 rows at a time, and what a row has
/// gathered so far waits in one slot for each level of its tree. Units are taken by whichever thread is free: that changes no sum.
final class AttentionKernel implements Kernel<Attention> {
    /// Rows that go through a leaf together.
    static final int TILE = 2 * ROWS;
    /// Rows of the largest unit.
    static final int CHUNK = 512;

    private final Workers workers;
    private final AttentionProblem problem = new AttentionProblem();
    private final AtomicInteger next = new AtomicInteger();
    private final AttentionWorker[] team;

    AttentionKernel(Workers workers) {
        this.workers = workers;
        team = new AttentionWorker[workers.threads()];
        Arrays.setAll(team, _ -> new AttentionWorker());
    }

    @Override public void run(Attention op, Tensor[] in, Tensor[] out) {
        problem.read(in);
        int groups = problem.batch * problem.kvHeads;
        int rows = problem.queries * problem.group;
        int chunk = chunk(groups, rows, workers.threads());
        int chunks = (rows + chunk - 1) / chunk;
        int units = groups * chunks;
        var call = new Call(op.scale(), Heads.of(in[0]), Heads.of(in[1]), Heads.of(in[2]), out[0].data(), out[1].data(), out[2].data());
        next.set(0);
        workers.share(Math.min(units, workers.threads()), 1, (from, _) -> {
            AttentionWorker worker = team[(int) from];
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                int fromRow = (chunks - 1 - unit / groups) * chunk;   // under a causal mask the last rows have most to do: they go first
                int group = unit % groups;
                worker.attend(problem, call, group / problem.kvHeads, group % problem.kvHeads, fromRow, Math.min(rows, fromRow + chunk));
            }
        });
    }

    /// Rows of a unit: as many as share a turned leaf well, but so few that every thread has work.
    private static int chunk(int groups, int rows, int threads) {
        int chunk = Math.min(CHUNK, Math.max(TILE, (rows + TILE - 1) / TILE * TILE));
        while (chunk > 4 * TILE && groups * ((rows + chunk - 1) / chunk) < (groups % threads == 0 ? threads : 3 * threads)) {
            chunk = (chunk / 2 + TILE - 1) / TILE * TILE;
        }
        return chunk;
    }

    /// What every unit of one call reads and writes.
    record Call(float scale, Heads q, Heads k, Heads v, MemorySegment o, MemorySegment m, MemorySegment l) {}
}
