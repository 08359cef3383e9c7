package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// The gates of hyper-connections, those of the head, and their gradients: groups of tokens are shared out, each thread with a worker of its own.
final class HyperGatesKernels {
    private final Workers workers;
    private final HyperGatesWorker[] team;
    /// The gradients of base and scale of every leaf of 256 rows, `[leaf, gates + scales]`; grows to the largest call.
    private float[] partials = new float[0];

    HyperGatesKernels(Workers workers) {
        this.workers = workers;
        team = new HyperGatesWorker[workers.threads()];
        Arrays.setAll(team, _ -> new HyperGatesWorker());
    }

    void forward(HyperGates op, Tensor[] in, Tensor[] out) {
        int streams = (int) out[0].shape().last();
        for (HyperGatesWorker worker : team) {
            worker.setLayer(in[1], in[2], streams, op.iterations(), op.epsilon());
        }
        forward(in[0], op.epsilon(), out);
    }

    void head(HyperHeadGates op, Tensor[] in, Tensor[] out) {
        for (HyperGatesWorker worker : team) {
            worker.setHead(in[1], in[2]);
        }
        forward(in[0], op.epsilon(), out);
    }

    private void forward(Tensor m, float epsilon, Tensor[] out) {
        long rows = m.shape().rows();
        long groups = (rows + LANES - 1) / LANES;
        workers.share(team.length, 1, (first, last) -> {
            for (long part = first; part < last; part++) {
                for (long group = groups * part / team.length; group < groups * (part + 1) / team.length; group++) {
                    team[(int) part].forward(m, group * LANES, (int) Math.min(LANES, rows - group * LANES), epsilon, out);
                }
            }
        });
    }

    void gradients(HyperGatesGrad op, Tensor[] in, Tensor[] out) {
        int streams = (int) in[3].shape().last();
        for (HyperGatesWorker worker : team) {
            worker.setLayer(in[1], in[2], streams, op.iterations(), op.epsilon());
        }
        gradients(in[0], Arrays.copyOfRange(in, 3, 6), op.leaves(), out);
    }

    void headGradients(HyperHeadGatesGrad op, Tensor[] in, Tensor[] out) {
        for (HyperGatesWorker worker : team) {
            worker.setHead(in[1], in[2]);
        }
        gradients(in[0], Arrays.copyOfRange(in, 3, 4), op.leaves(), out);
    }

    /// Leaves of 256 rows are shared out whole, so that each sum stays with one thread.
    private void gradients(Tensor m, Tensor[] dy, int leaves, Tensor[] out) {
        int gates = (int) m.shape().last();
        int scales = (int) out[2].shape().last();
        int width = gates + scales;
        long rows = m.shape().rows() / leaves;
        int leavesOfRows = (int) ((rows + LEAF - 1) / LEAF);
        int blocks = leaves * leavesOfRows;
        if (partials.length < Math.max(1, blocks) * width) {
            partials = new float[Math.max(1, blocks) * width];
        }
        Arrays.fill(partials, 0);
        workers.share(team.length, 1, (first, last) -> {
            for (int part = (int) first; part < last; part++) {
                for (int block = (int) ((long) blocks * part / team.length); block < (long) blocks * (part + 1) / team.length; block++) {
                    long leaf = block / leavesOfRows;
                    long start = leaf * rows + (long) (block % leavesOfRows) * LEAF;
                    long end = Math.min(start + LEAF, (leaf + 1) * rows);
                    for (long row = start; row < end; row += LANES) {
                        team[part].backward(m, dy, row, (int) Math.min(LANES, end - row), out[0], partials, block * width);
                    }
                }
            }
        });
        for (int leaf = 0; leaf < leaves; leaf++) {
            int at = leaf * leavesOfRows * width;
            Trees.addLoop(partials, at, leavesOfRows, width);
            MemorySegment.copy(partials, at, out[1].data(), JAVA_FLOAT, 4L * leaf * gates, gates);
            MemorySegment.copy(partials, at + gates, out[2].data(), JAVA_FLOAT, 4L * leaf * scales, scales);
        }
    }
}
