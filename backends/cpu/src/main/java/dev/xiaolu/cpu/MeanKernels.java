package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// The mean of each leaf of work and its gradient; too small to share.
final class MeanKernels {
    private final float[] lanes = new float[Numerics.LANES];

    void forward(Mean op, Tensor[] in, Tensor[] out) {
        long rows = in[0].shape().size() / op.leaves();
        for (long leaf = 0; leaf < op.leaves(); leaf++) {
            out[0].data().set(JAVA_FLOAT, 4 * leaf, RowSums.plainLoop(in[0].data(), 4 * leaf * rows, rows, lanes) / rows);
        }
    }

    void gradient(MeanGrad op, Tensor[] in, Tensor[] out) {
        MemorySegment dx = out[0].data();
        long leaves = in[0].shape().size();
        long rows = op.rows() / leaves;
        for (long leaf = 0; leaf < leaves; leaf++) {
            float each = in[0].data().get(JAVA_FLOAT, 4 * leaf) / rows;
            for (long i = leaf * rows; i < (leaf + 1) * rows; i++) {
                dx.set(JAVA_FLOAT, 4 * i, each);
            }
        }
    }
}
