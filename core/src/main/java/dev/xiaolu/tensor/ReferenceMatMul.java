package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.MatMul;
import java.lang.foreign.MemorySegment;

/// The definition of the matrix product: each element by itself, leaf after leaf, then the tree.
final class ReferenceMatMul {
    private ReferenceMatMul() {}

    static void run(MatMul op, Tensor[] in, Tensor[] out) {
        Tensor a = in[0];
        Tensor b = in[1];
        Tensor y = out[0];
        long inner = a.shape().axis(op.transposeA() ? -2 : -1);
        long stepA = a.stride(op.transposeA() ? -2 : -1);        // from one index of the summed axis to the next
        long stepB = b.stride(op.transposeB() ? -1 : -2);
        long columns = y.shape().last();
        long rows = y.shape().axis(-2);
        float[] leaves = new float[Math.toIntExact((inner + LEAF - 1) / LEAF)];
        for (long index = 0; index < y.shape().size(); index++) {
            long product = index / columns / rows;               // which product of the batch
            long row = index / columns % rows;
            long column = index % columns;
            long fromA = startOf(a, product) + row * a.stride(op.transposeA() ? -1 : -2);
            long fromB = startOf(b, product) + column * b.stride(op.transposeB() ? -2 : -1);
            for (int leaf = 0; leaf < leaves.length; leaf++) {
                long from = (long) leaf * LEAF;
                long length = Math.min(LEAF, inner - from);
                leaves[leaf] = chain(a.data(), fromA + from * stepA, stepA, b.data(), fromB + from * stepB, stepB, length);
            }
            y.data().setAtIndex(JAVA_FLOAT, y.offsetOf(index), Sums.tree(leaves, leaves.length));
        }
    }

    /// One leaf: `length` products added one after the other, each with one rounding, from +0.
    private static float chain(MemorySegment a, long fromA, long stepA, MemorySegment b, long fromB, long stepB, long length) {
        float sum = 0;
        for (long k = 0; k < length; k++) {
            sum = Math.fma(a.getAtIndex(JAVA_FLOAT, fromA + k * stepA), b.getAtIndex(JAVA_FLOAT, fromB + k * stepB), sum);
        }
        return sum;
    }

    /// Offset of the first element of one matrix of a batch, counted in row-major order over the leading axes; 0 where there are none, so that a shared
    /// matrix meets every product.
    private static long startOf(Tensor tensor, long product) {
        long offset = 0;
        for (int axis = tensor.shape().rank() - 3; axis >= 0; axis--) {
            offset += product % tensor.shape().axis(axis) * tensor.stride(axis);
            product /= tensor.shape().axis(axis);
        }
        return offset;
    }
}
