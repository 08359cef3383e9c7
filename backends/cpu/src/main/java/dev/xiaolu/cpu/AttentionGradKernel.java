package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Gradients of attention.
///
/// A unit of work is one group of heads over one block of keys, a whole subtree of leaves: it sums the gradients of its keys and values to the end, and those of the queries over the
/// block. Where there are enough groups for all threads, a block is all the keys; else the blocks' sums of the queries are merged afterwards, in the same tree.
/// Units are taken by whichever thread is free: that changes no sum.
final class AttentionGradKernel implements Kernel<AttentionGrad> {
    private final Workers workers;
    private final AttentionProblem problem = new AttentionProblem();
    private final AtomicInteger next = new AtomicInteger();
    private final AttentionGradWorker[] team;
    private float[][] blocks = {};                               // sums over a block, [batch, queries, heads, dim]

    AttentionGradKernel(Workers workers) {
        this.workers = workers;
        team = new AttentionGradWorker[workers.threads()];
        Arrays.setAll(team, _ -> new AttentionGradWorker());
    }

    @Override public void run(AttentionGrad op, Tensor[] in, Tensor[] out) {
        problem.read(in);
        int groups = problem.batch * problem.kvHeads;
        int leaves = (problem.keys + ATTENTION_LEAF - 1) / ATTENTION_LEAF;
        int leavesOfBlock = leavesOfBlock(groups, leaves, workers.threads());
        int count = Math.max(1, (leaves + leavesOfBlock - 1) / leavesOfBlock);
        if (count > 1) {
            reserve(count, Math.toIntExact(in[0].shape().size()));
        }
        var call = new Call(op.scale(), Heads.of(in[0]), Heads.of(in[1]), Heads.of(in[2]), Heads.of(in[5]), Heads.of(in[6]), Heads.of(in[7]), Heads.of(in[8]),
                out[0].data(), out[1].data(), out[2].data(), leavesOfBlock, count == 1 ? null : blocks);
        int units = groups * count;
        next.set(0);
        workers.share(Math.min(units, workers.threads()), 1, (from, _) -> {
            AttentionGradWorker worker = team[(int) from];
            for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
                int group = unit % groups;                       // under a causal mask the first keys have most to do: they go first
                worker.run(problem, call, group / problem.kvHeads, group % problem.kvHeads, unit / groups);
            }
        });
        if (count > 1) {
            workers.share((long) problem.batch * problem.queries, 16, (from, to) -> {
                int[] present = new int[count];
                for (long query = from; query < to; query++) {
                    merge((int) (query / problem.queries), (int) (query % problem.queries), call, present);
                }
            });
        }
    }

    /// Leaves of a block: a power of two, all of them unless that leaves threads without work.
    private static int leavesOfBlock(int groups, int leaves, int threads) {
        int block = Integer.highestOneBit(Math.max(1, 2 * leaves - 1));
        while (block > 1 && groups * ((leaves + block - 1) / block) < (groups % threads == 0 ? threads : 3 * threads)) {
            block /= 2;
        }
        return block;
    }

    private void reserve(int count, int size) {
        if (blocks.length < count) {
            blocks = Arrays.copyOf(blocks, count);
        }
        for (int i = 0; i < count; i++) {
            if (blocks[i] == null || blocks[i].length < size) {
                blocks[i] = new float[size];
            }
        }
    }

    /// Merges the blocks of one query, all heads, in the balanced tree by index; `present` is room for the block that holds each node, −1 where it is absent.
    private void merge(int sequence, int query, Call call, int[] present) {
        int perBlock = call.leavesOfBlock * ATTENTION_LEAF;
        int first = problem.first(sequence, query) / perBlock;
        int last = problem.last(sequence, query) < 0 ? -1 : problem.last(sequence, query) / perBlock;
        for (int block = 0; block < present.length; block++) {
            present[block] = first <= block && block <= last ? block : -1;
        }
        int size = problem.heads * problem.dim;
        int at = (sequence * problem.queries + query) * size;
        for (int width = present.length; width > 1; width = (width + 1) / 2) {
            for (int node = 0; node < (width + 1) / 2; node++) {
                int left = present[2 * node];
                int right = 2 * node + 1 < width ? present[2 * node + 1] : -1;
                if (left >= 0 && right >= 0) {
                    for (int i = at; i < at + size; i++) {
                        blocks[left][i] += blocks[right][i];
                    }
                }
                present[node] = left >= 0 ? left : right;
            }
        }
        for (int i = 0; i < size; i++) {
            AttentionTiles.set(call.dq, 4L * (at + i), present[0] < 0 ? 0 : blocks[present[0]][at + i]);
        }
    }

    /// What every unit of one call reads and writes; `blocks` is null where there is one block.
    record Call(float scale, Heads q, Heads k, Heads v, Heads o, Heads m, Heads l, Heads dy, MemorySegment dq, MemorySegment dk, MemorySegment dv, int leavesOfBlock, float[][] blocks) {}
}
