package dev.xiaolu.tensor;

import dev.xiaolu.op.MatMul;

/// The definition of the matrix product.
final class ReferenceMatMul {
    private ReferenceMatMul() {}

    static void run(MatMul op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }
}
