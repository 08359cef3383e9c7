package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.RopePairs;

/// The definitions of the operators that rotate the channels of each row.
final class ReferenceRotations {
    private ReferenceRotations() {}

    static void run(RopePairs op, Tensor[] in, Tensor[] out) {
        long dim = in[0].shape().last();
        long heads = in[0].shape().axis(-2);
        int pairs = (int) in[1].shape().last() / 2;
        for (long row = 0; row < in[0].shape().rows(); row++) {
            long position = in[2].data().getAtIndex(JAVA_INT, in[2].offsetOf(row / heads));
            if (position < 0 || position >= in[1].shape().axis(0)) {
                throw new IndexOutOfBoundsException("position " + position + " of row " + row / heads + ", wanted 0 to " + (in[1].shape().axis(0) - 1));
            }
            long rotated = row * dim + dim - 2L * pairs;
            for (long i = row * dim; i < rotated; i++) {
                set(out[0], i, at(in[0], i));
            }
            for (int i = 0; i < pairs; i++) {
                float c = at(in[1], position * 2 * pairs + i);
                float sine = at(in[1], position * 2 * pairs + pairs + i);
                float s = op.inverse() ? -sine : sine;
                float a = at(in[0], rotated + 2L * i);
                float b = at(in[0], rotated + 2L * i + 1);
                set(out[0], rotated + 2L * i, Math.fma(a, c, -(b * s)));
                set(out[0], rotated + 2L * i + 1, Math.fma(b, c, a * s));
            }
        }
    }

    static void run(Hadamard op, Tensor[] in, Tensor[] out) {
        int dim = Math.toIntExact(in[0].shape().last());
        float scale = Hadamard.scale(dim);
        float[] x = new float[dim];
        for (long row = 0; row < in[0].shape().rows(); row++) {
            for (int i = 0; i < dim; i++) {
                x[i] = at(in[0], row * dim + i);
            }
            for (int stride = 1; stride < dim; stride *= 2) {
                for (int i = 0; i < dim; i++) {
                    if ((i & stride) == 0) {
                        float a = x[i];
                        float b = x[i + stride];
                        x[i] = a + b;
                        x[i + stride] = a - b;
                    }
                }
            }
            for (int i = 0; i < dim; i++) {
                set(out[0], row * dim + i, x[i] * scale);
            }
        }
    }

    private static float at(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_FLOAT, tensor.offsetOf(index));
    }

    private static void set(Tensor tensor, long index, float value) {
        tensor.data().setAtIndex(JAVA_FLOAT, tensor.offsetOf(index), value);
    }
}
