package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;

/// The definitions of the operators that work element by element.
final class ReferenceElements {
    private ReferenceElements() {}

    static void run(Add op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            set(out[0], i, at(in[0], i) + at(in[1], i));
        }
    }

    static void run(Axpby op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            set(out[0], i, Math.fma(op.alpha(), at(in[0], i), op.beta() * at(in[1], i)));
        }
    }

    static void run(Scale op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            set(out[0], i, op.factor() * at(in[0], i));
        }
    }

    static void run(Cast op, Tensor[] in, Tensor[] out) {
        DType from = in[0].dtype();
        for (long i = 0; i < out[0].shape().size(); i++) {
            long bits = bits(in[0], i);
            if (from == DType.BF16 && op.to() == DType.F32) {
                bits <<= 16;
            } else if (from == DType.F32 && op.to() == DType.BF16) {
                bits = toBf16((int) bits);
            }
            setBits(out[0], i, bits);
        }
    }

    /// The BF16 nearest to a binary32 with these bits, ties to even; every NaN becomes `0x7FC0`.
    private static int toBf16(int bits) {
        if ((bits & 0x7FFFFFFF) > 0x7F800000) {
            return 0x7FC0;
        }
        return bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
    }

    static void run(SwiGlu op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            float gate = at(in[0], i);
            set(out[0], i, gate * Elementary.sigmoid(gate) * at(in[1], i));
        }
    }

    static void run(SwiGluGrad op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            float gate = at(in[0], i);
            float up = at(in[1], i);
            float dy = at(in[2], i);
            float s = Elementary.sigmoid(gate);
            set(out[0], i, dy * up * (s * Math.fma(gate, 1 - s, 1)));
            set(out[1], i, dy * (gate * s));
        }
    }

    static void run(AdamW op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < in[0].shape().size(); i++) {
            float g = at(in[1], i) * op.gradScale();
            float m = Math.fma(op.beta1(), at(in[2], i), op.rest1() * g);
            float v = Math.fma(op.beta2(), at(in[3], i), op.rest2() * g * g);
            float d = (float) Math.sqrt(v) / op.rootCorrection2() + op.epsilon();
            set(in[0], i, Math.fma(-op.stepSize(), m / d, at(in[0], i) * op.keep()));
            set(in[2], i, m);
            set(in[3], i, v);
        }
    }

    static void run(FixedAdd op, Tensor[] in, Tensor[] out) {
        long elements = in[1].shape().size();
        for (long i = 0; op.anew() && i < elements; i++) {
            setBits(in[1], i, 0);
        }
        for (long i = 0; i < in[0].shape().size(); i++) {
            float g = at(in[0], i);
            if (Math.abs(g) < op.limit()) {
                long units = (long) Math.rint(g * 0x1p52);       // in double precision: the product is exact
                setBits(in[1], i % elements, bits(in[1], i % elements) + units);
            } else {
                setBits(in[2], 0, bits(in[2], 0) + 1);
            }
        }
    }

    static void run(FixedMean op, Tensor[] in, Tensor[] out) {
        for (long i = 0; i < out[0].shape().size(); i++) {
            long sum = 0;
            for (Tensor part : in) {
                sum += bits(part, i);
            }
            set(out[0], i, (float) sum * 0x1p-52f / op.count());
        }
    }

    static void run(RandomNormal op, Tensor[] in, Tensor[] out) {
        int[] words = new int[4];
        for (long i = 0; i < in[0].shape().size(); i++) {
            new RandomKey(op.key()).draw(i / 4, words);
            int pair = (int) (i & 2);
            float u = ((words[pair] >>> 8) + 1) * 0x1p-24f;
            float t = (words[pair + 1] >>> 8) * 0x1p-24f;
            float r = (float) Math.sqrt(-2 * Elementary.log(u));
            float phi = t * 6.2831855f;
            set(in[0], i, op.std() * (r * ((i & 1) == 0 ? Elementary.cos(phi) : Elementary.sin(phi))));
        }
    }

    static void run(Digest op, Tensor[] in, Tensor[] out) {
        for (int hash = 0; hash < 2; hash++) {
            long sum = 0;
            for (long i = 0; i < in[0].shape().size(); i++) {
                long index = op.firstIndex() + i;
                sum += Digest.block(hash, index / Digest.BLOCK) * Digest.place(hash, (int) (index % Digest.BLOCK)) * (bits(in[0], i) + 1);
            }
            setBits(out[0], hash, sum);
        }
    }

    private static float at(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_FLOAT, tensor.offsetOf(index));
    }

    private static void set(Tensor tensor, long index, float value) {
        tensor.data().setAtIndex(JAVA_FLOAT, tensor.offsetOf(index), value);
    }

    /// The bits of the element with this row-major index, extended with zeros.
    private static long bits(Tensor tensor, long index) {
        long offset = tensor.offsetOf(index);
        return switch (tensor.dtype()) {
            case F32, I32 -> tensor.data().getAtIndex(JAVA_INT, offset) & 0xFFFFFFFFL;
            case BF16 -> tensor.data().getAtIndex(JAVA_SHORT, offset) & 0xFFFFL;
            case I64 -> tensor.data().getAtIndex(JAVA_LONG, offset);
            case F8_E4M3, F8_E8M0, I8, BOOL -> tensor.data().get(JAVA_BYTE, offset) & 0xFFL;
        };
    }

    private static void setBits(Tensor tensor, long index, long bits) {
        long offset = tensor.offsetOf(index);
        switch (tensor.dtype()) {
            case F32, I32 -> tensor.data().setAtIndex(JAVA_INT, offset, (int) bits);
            case BF16 -> tensor.data().setAtIndex(JAVA_SHORT, offset, (short) bits);
            case I64 -> tensor.data().setAtIndex(JAVA_LONG, offset, bits);
            case F8_E4M3, F8_E8M0, I8, BOOL -> tensor.data().set(JAVA_BYTE, offset, (byte) bits);
        }
    }
}
