package dev.xiaolu.tensor;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;

/// The definitions of the operators that work element by element.
final class ReferenceElements {
    private ReferenceElements() {}

    static void run(Add op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(Axpby op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(Cast op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(SwiGlu op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(SwiGluGrad op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(AdamW op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(FixedAdd op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(FixedMean op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }

    static void run(RandomNormal op, Tensor[] in, Tensor[] out) {
        throw new UnsupportedOperationException("under construction: " + op);
    }
}
