package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// How joint attention shares itself out among entries: units are blocks of whole queries, so that the heads of one are summed in one place.
final class AttentionShareKernel implements Kernel<AttentionShare> {
    /// Rows of one unit, if the heads of one query are no more.
    private static final int ROWS = 128;

    private final Workers workers;
    private final JointProblem problem = new JointProblem();
    private final AtomicInteger next = new AtomicInteger();
    private final AttentionShareWorker[] team;

    AttentionShareKernel(Workers workers) {
        this.workers = workers;
        team = new AttentionShareWorker[workers.threads()];
        Arrays.setAll(team, _ -> new AttentionShareWorker());
    }

    @Override public void run(AttentionShare op, Tensor[] in, Tensor[] out) {
        problem.readEntries(in[0], in[1], in[4], op.gathered());
        int places = Math.toIntExact(out[0].shape().last());
        int queries = Math.max(1, ROWS / Math.max(1, problem.heads));
        int blocks = (problem.queries + queries - 1) / queries;
        int units = problem.batch * blocks;
        var call = new Call(op.scale(), Heads.of(in[2]), Heads.of(in[3]), out[0].data(), places);
        next.set(0);
        workers.share(Math.min(units, workers.threads()), 1, (from, _) -> {
            AttentionShareWorker worker = team[(int) from];
            float[] lanes = new float[Numerics.LANES];
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                int start = (blocks - 1 - unit / problem.batch) * queries;       // the last queries see most entries: they go first
                int end = Math.min(problem.queries, start + queries);
                int sequence = unit % problem.batch;
                worker.run(problem, call, sequence, start, end);
                for (int query = start; query < end; query++) {
                    int last = problem.last(JointProblem.ENTRIES, sequence, query);
                    divide(call, ((long) sequence * problem.queries + query) * places, last < 0 ? 0 : problem.first(JointProblem.ENTRIES, sequence, query), last + 1, lanes);
                }
            }
        });
    }

    /// Divides the sums of one query, from the place `first` on and before `end`, by their total.
    private static void divide(Call call, long index, int first, int end, float[] lanes) {
        for (int place = 0; place < first; place++) {
            call.share.set(JAVA_FLOAT, 4 * (index + place), 0);
        }
        int start = first & -Numerics.LANES;                     // so that each number keeps its lane
        float total = RowSums.plainLoop(call.share, 4 * (index + start), end - start, lanes);
        for (int place = first; place < call.places; place++) {
            long at = 4 * (index + place);
            call.share.set(JAVA_FLOAT, at, place < end && total != 0 ? call.share.get(JAVA_FLOAT, at) / total : 0);
        }
    }

    /// What every unit of one call reads and writes.
    record Call(float scale, Heads m, Heads l, MemorySegment share, int places) {}
}
