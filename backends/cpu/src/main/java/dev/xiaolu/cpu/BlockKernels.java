package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Codes;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.E2M1;
import dev.xiaolu.tensor.E4M3;
import dev.xiaolu.tensor.E8M0;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Matrices in codes with a scale for each block: rows, or rows of blocks, are shared out; inside, one element after the other.
final class BlockKernels {
    /// Elements below which a second thread is not worth waking.
    private static final long GRAIN = 16384;

    private final Workers workers;

    BlockKernels(Workers workers) {
        this.workers = workers;
    }

    void dequantise(Dequantise op, Tensor[] in, Tensor[] out) {
        Shape shape = out[0].shape();
        if (shape.size() > 0) {
            workers.share(shape.rows(), grain(shape.last()), (from, to) -> dequantise(op.blocks(), in[0], in[1], out[0], from, to));
        }
    }

    private static void dequantise(Blocks blocks, Tensor codes, Tensor scales, Tensor y, long from, long to) {
        Shape shape = y.shape();
        long columns = shape.last();
        Shape grid = blocks.grid(shape);
        boolean fp8 = codes.dtype() == DType.F8_E4M3;
        for (long row = from; row < to; row++) {
            long scaleRow = row / shape.axis(-2) * grid.axis(-2) + row % shape.axis(-2) / blocks.rows();
            long atScale = scales.offsetOf(scaleRow * grid.last());
            long atCode = codes.offsetOf(row * codes.shape().last());
            for (long block = 0; block < grid.last(); block++) {
                float scale = scales.dtype() == DType.F32 ? scales.data().getAtIndex(JAVA_FLOAT, atScale + block) : E8M0.decode(scales.data().get(JAVA_BYTE, atScale + block));
                long end = Math.min(columns, (block + 1) * blocks.columns());
                for (long k = block * blocks.columns(); k < end; k++) {
                    float value = fp8 ? E4M3.decode(codes.data().get(JAVA_BYTE, atCode + k)) : E2M1.decode(codes.data().get(JAVA_BYTE, atCode + (k >> 1)) >>> ((k & 1) << 2));
                    y.data().setAtIndex(JAVA_FLOAT, row * columns + k, value * scale);
                }
            }
        }
    }

    void quantise(Quantise op, Tensor[] in, Tensor[] out) {
        Shape grid = out[1].shape();
        if (in[0].shape().size() > 0) {
            workers.share(grid.rows(), grain(in[0].shape().last() * op.blocks().rows()), (from, to) -> quantise(op, in[0], out[0].data(), out[1], from, to));
        }
    }

    private static void quantise(Quantise op, Tensor x, MemorySegment codes, Tensor scales, long from, long to) {
        Shape shape = x.shape();
        Shape grid = scales.shape();
        Blocks blocks = op.blocks();
        for (long scaleRow = from; scaleRow < to; scaleRow++) {
            long firstRow = scaleRow / grid.axis(-2) * shape.axis(-2) + scaleRow % grid.axis(-2) * blocks.rows();
            long rows = Math.min(blocks.rows(), shape.axis(-2) - firstRow % shape.axis(-2));
            for (long block = 0; block < grid.last(); block++) {
                long first = block * blocks.columns();
                long count = Math.min(blocks.columns(), shape.last() - first);
                float largest = op.floor();
                for (long row = firstRow; row < firstRow + rows; row++) {
                    largest = Math.max(largest, largest(x.data(), x.offsetOf(row * shape.last()) + first, count));
                }
                int scaleCode = E8M0.code(largest, max(op.codes()));
                scales.data().set(JAVA_BYTE, scaleRow * grid.last() + block, (byte) scaleCode);
                for (long row = firstRow; row < firstRow + rows; row++) {
                    long at = x.offsetOf(row * shape.last()) + first;
                    encode(op.codes(), x.data(), at, count, E8M0.decode(scaleCode), codes, row * shape.last() + first);
                }
            }
        }
    }

    /// Writes the codes of a run that begins at element `atCode` of the whole tensor; blocks of FP4 that begin or end inside a byte share it, so each sets its own half.
    private static void encode(Codes type, MemorySegment x, long at, long count, float scale, MemorySegment codes, long atCode) {
        for (long k = 0; k < count; k++) {
            float scaled = x.getAtIndex(JAVA_FLOAT, at + k) / scale;
            long i = atCode + k;
            if (type == Codes.FP8) {
                codes.set(JAVA_BYTE, i, (byte) E4M3.encode(scaled));
            } else {
                int code = E2M1.encode(scaled);
                codes.set(JAVA_BYTE, i >> 1, (byte) ((i & 1) == 0 ? code : codes.get(JAVA_BYTE, i >> 1) & 15 | code << 4));
            }
        }
    }

    void fake(FakeQuantise op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        MemorySegment y = out[0].data();
        long hidden = x.shape().last();
        if (x.shape().size() > 0) {
            workers.share(x.shape().rows(), grain(hidden), (from, to) -> {
                for (long row = from; row < to; row++) {
                    fake(op, x.data(), x.offsetOf(row * hidden), y, row * hidden, hidden);
                }
            });
        }
    }

    private static void fake(FakeQuantise op, MemorySegment x, long atX, MemorySegment y, long atY, long hidden) {
        for (long first = 0; first < op.channels(); first += op.group()) {
            long count = Math.min(op.group(), op.channels() - first);
            float scale = E8M0.decode(E8M0.code(Math.max(op.floor(), largest(x, atX + first, count)), max(op.codes())));
            for (long k = first; k < first + count; k++) {
                float scaled = x.getAtIndex(JAVA_FLOAT, atX + k) / scale;
                float value = op.codes() == Codes.FP8 ? E4M3.decode(E4M3.encode(scaled)) : E2M1.decode(E2M1.encode(scaled));
                y.setAtIndex(JAVA_FLOAT, atY + k, value * scale);
            }
        }
        MemorySegment.copy(x, 4 * (atX + op.channels()), y, 4 * (atY + op.channels()), 4 * (hidden - op.channels()));
    }

    private static float largest(MemorySegment x, long at, long count) {
        float largest = 0;
        for (long k = 0; k < count; k++) {
            largest = Math.max(largest, Math.abs(x.getAtIndex(JAVA_FLOAT, at + k)));
        }
        return largest;
    }

    private static float max(Codes codes) {
        return codes == Codes.FP8 ? E4M3.MAX : E2M1.MAX;
    }

    private static long grain(long elements) {
        return Math.max(1, GRAIN / Math.max(1, elements));
    }
}
