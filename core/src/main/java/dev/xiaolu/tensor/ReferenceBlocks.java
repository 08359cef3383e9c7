package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Codes;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.WidenFp4;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;

/// The definitions of the operators whose elements share scales in blocks.
final class ReferenceBlocks {
    private ReferenceBlocks() {}

    static void run(Dequantise op, Tensor[] in, Tensor[] out) {
        Tensor y = out[0];
        for (long i = 0; i < y.shape().size(); i++) {
            set(y, i, value(in[0], i) * scale(in[1], block(op.blocks(), y.shape(), i)));
        }
    }

    static void run(Quantise op, Tensor[] in, Tensor[] out) {
        Shape shape = in[0].shape();
        float[] largest = new float[(int) out[1].shape().size()];
        for (long i = 0; i < shape.size(); i++) {
            int block = (int) block(op.blocks(), shape, i);
            largest[block] = Math.max(largest[block], Math.abs(at(in[0], i)));
        }
        for (int block = 0; block < largest.length; block++) {
            setByte(out[1], block, scaleCode(op.codes(), largest[block], op.floor()));
        }
        for (long i = 0; i < shape.size(); i++) {
            float scaled = at(in[0], i) / scale(out[1], block(op.blocks(), shape, i));
            if (op.codes() == Codes.FP8) {
                setByte(out[0], i, E4M3.encode(scaled));
            } else if (i % 2 == 0) {
                setByte(out[0], i / 2, E2M1.encode(scaled));
            } else {
                setByte(out[0], i / 2, byteAt(out[0], i / 2) | E2M1.encode(scaled) << 4);
            }
        }
    }

    static void run(FakeQuantise op, Tensor[] in, Tensor[] out) {
        long hidden = in[0].shape().last();
        for (long i = 0; i < in[0].shape().size(); i++) {
            long channel = i % hidden;
            if (channel >= op.channels()) {
                set(out[0], i, at(in[0], i));
                continue;
            }
            long first = i - channel % op.group();
            long behind = Math.min(first + op.group(), i - channel + op.channels());
            float largest = 0;
            for (long k = first; k < behind; k++) {
                largest = Math.max(largest, Math.abs(at(in[0], k)));
            }
            float scale = E8M0.decode(scaleCode(op.codes(), largest, op.floor()));
            float scaled = at(in[0], i) / scale;
            set(out[0], i, (op.codes() == Codes.FP8 ? E4M3.decode(E4M3.encode(scaled)) : E2M1.decode(E2M1.encode(scaled))) * scale);
        }
    }

    static void run(WidenFp4 op, Tensor[] in, Tensor[] out) {
        Shape shape = out[0].shape();
        int[] largest = new int[(int) out[1].shape().size()];
        for (long i = 0; i < shape.size(); i++) {
            int block = (int) block(Blocks.WEIGHTS, shape, i);
            largest[block] = Math.max(largest[block], byteAt(in[1], block(Blocks.FP4, shape, i)));
        }
        for (int block = 0; block < largest.length; block++) {
            setByte(out[1], block, largest[block] == E8M0.NAN ? E8M0.NAN : Math.max(0, largest[block] - 6));
            out[2].data().setAtIndex(JAVA_INT, block, 0);
        }
        for (long i = 0; i < shape.size(); i++) {
            long block = block(Blocks.WEIGHTS, shape, i);
            int old = byteAt(in[1], block(Blocks.FP4, shape, i));
            int fresh = byteAt(out[1], block);
            float value = value(in[0], i);
            int code = fresh == E8M0.NAN ? E4M3.NAN : E4M3.encode(Math.scalb(value, old - fresh));
            setByte(out[0], i, code);
            if (fresh != E8M0.NAN && Math.scalb(E4M3.decode(code), fresh - old) != value) {
                out[2].data().setAtIndex(JAVA_INT, block, out[2].data().getAtIndex(JAVA_INT, block) + 1);
            }
        }
    }

    /// The row-major index of the scale of element `i` of a tensor `[..., m, n]`.
    private static long block(Blocks blocks, Shape shape, long i) {
        long column = i % shape.last();
        long row = i / shape.last() % shape.axis(-2);
        long matrix = i / shape.last() / shape.axis(-2);
        Shape grid = blocks.grid(shape);
        return (matrix * grid.axis(-2) + row / blocks.rows()) * grid.last() + column / blocks.columns();
    }

    private static int scaleCode(Codes codes, float largest, float floor) {
        return E8M0.code(Math.max(largest, floor), codes == Codes.FP8 ? E4M3.MAX : E2M1.MAX);
    }

    /// The number that code `i` stands for; two codes of FP4 share a byte.
    private static float value(Tensor codes, long i) {
        return codes.dtype() == DType.F8_E4M3 ? E4M3.decode(byteAt(codes, i)) : E2M1.decode(byteAt(codes, i / 2) >>> 4 * (i % 2));
    }

    private static float scale(Tensor scales, long block) {
        return scales.dtype() == DType.F32 ? at(scales, block) : E8M0.decode(byteAt(scales, block));
    }

    private static int byteAt(Tensor tensor, long index) {
        return tensor.data().get(JAVA_BYTE, tensor.offsetOf(index)) & 0xFF;
    }

    private static void setByte(Tensor tensor, long index, int value) {
        tensor.data().set(JAVA_BYTE, tensor.offsetOf(index), (byte) value);
    }

    private static float at(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_FLOAT, tensor.offsetOf(index));
    }

    private static void set(Tensor tensor, long index, float value) {
        tensor.data().setAtIndex(JAVA_FLOAT, tensor.offsetOf(index), value);
    }
}
