package dev.xiaolu.tensor;

import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.SquareSums;

/// The definitions of the operators that work along rows.
final class ReferenceRows {
    private ReferenceRows() {}

    static void run(RmsNorm op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(RmsNormGrad op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(CrossEntropy op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(CrossEntropyGrad op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(Mean op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(MeanGrad op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(SquareSums op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(Embed op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(EmbedGrad op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(Rope op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }
}
