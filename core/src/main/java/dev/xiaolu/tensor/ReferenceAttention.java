package dev.xiaolu.tensor;

import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;

/// The definition of attention and of its gradients.
final class ReferenceAttention {
    private ReferenceAttention() {}

    static void run(Attention op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(AttentionGrad op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }
}
