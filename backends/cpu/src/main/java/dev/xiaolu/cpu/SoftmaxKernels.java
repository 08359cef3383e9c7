package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.tensor.ChosenExperts;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// A router whose scores are shares: the softmax of its logits, and the scores of the chosen as their weights.
final class SoftmaxKernels {
    /// Rows of a few dozen elements are handed out so many at a time.
    private static final int ROWS = 16;

    private final Workers workers;

    SoftmaxKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(Softmax op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        MemorySegment y = out[0].data();
        int count = (int) x.shape().last();
        if (MachineCode.available()) {
            Spans.rows(workers, ROWS, Code.FORWARD, Spans.NONE, x.shape().rows(), count, new long[] {count, count}, x, out[0]);
            return;
        }
        workers.share(x.shape().rows(), ROWS, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                long at = 4 * x.offsetOf(row * count);
                exponentialLoop(x.data(), at, CrossEntropyKernels.maximumLoop(x.data(), at, count), y, 4 * row * count, count);
                divideLoop(y, 4 * row * count, RowSums.plainLoop(y, 4 * row * count, count, lanes), count);
            }
        });
    }

    /// Rows in machine code.
    private static final class Code {
        /// `x, y`.
        static final LaneLoop FORWARD = LaneLoop.rows(x -> {
            Value m = x.largest(0);
            x.each(() -> x.store(1, LaneElementary.exp(x, x.sub(x.load(0), m))));
            Value l = x.sum(() -> x.load(1));
            x.each(() -> x.store(1, x.div(x.load(1), l)));
        });
        /// `y, dy, dx`.
        static final LaneLoop GRADIENT = LaneLoop.rows(x -> {
            Lanes.Sum products = x.start();
            x.sums(() -> x.accumulateProduct(products, x.load(1), x.load(0)));
            Value d = x.total(products);
            x.each(() -> x.store(2, x.mul(x.load(0), x.sub(x.load(1), d))));
        });
    }

    private static void exponentialLoop(MemorySegment x, long at, float m, MemorySegment y, long atY, int count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            VectorElementary.exp(load(x, at + 4 * i).sub(m)).intoMemorySegment(y, atY + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, atY + 4 * i, Elementary.exp(x.get(JAVA_FLOAT, at + 4 * i) - m));
        }
    }

    private static void divideLoop(MemorySegment y, long at, float l, int count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            load(y, at + 4 * i).div(l).intoMemorySegment(y, at + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, at + 4 * i, y.get(JAVA_FLOAT, at + 4 * i) / l);
        }
    }

    void gradient(SoftmaxGrad op, Tensor[] in, Tensor[] out) {
        Tensor y = in[0];
        Tensor dy = in[1];
        MemorySegment dx = out[0].data();
        int count = (int) y.shape().last();
        if (MachineCode.available()) {
            Spans.rows(workers, ROWS, Code.GRADIENT, Spans.NONE, y.shape().rows(), count, new long[] {count, count, count}, y, dy, out[0]);
            return;
        }
        workers.share(y.shape().rows(), ROWS, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                long atY = 4 * y.offsetOf(row * count);
                long atDy = 4 * dy.offsetOf(row * count);
                float d = RowSums.productLoop(dy.data(), atDy, y.data(), atY, count, lanes);
                gradientLoop(y.data(), atY, dy.data(), atDy, d, dx, 4 * row * count, count);
            }
        });
    }

    private static void gradientLoop(MemorySegment y, long atY, MemorySegment dy, long atDy, float d, MemorySegment dx, long at, int count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            load(y, atY + 4 * i).mul(load(dy, atDy + 4 * i).sub(d)).intoMemorySegment(dx, at + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            dx.set(JAVA_FLOAT, at + 4 * i, y.get(JAVA_FLOAT, atY + 4 * i) * (dy.get(JAVA_FLOAT, atDy + 4 * i) - d));
        }
    }

    void weights(RouteScores op, Tensor[] in, Tensor[] out) {
        Tensor scores = in[0];
        Tensor chosen = in[1];
        long experts = scores.shape().last();
        int count = (int) chosen.shape().last();
        workers.share(chosen.shape().axis(0), 64, (from, to) -> {
            for (long row = from; row < to; row++) {
                long at = 4 * scores.offsetOf(row * experts);
                for (int k = 0; k < count; k++) {
                    float score = scores.data().get(JAVA_FLOAT, at + 4L * ChosenExperts.at(chosen, row, k, experts));
                    out[0].data().set(JAVA_FLOAT, 4 * (row * count + k), score * op.scale());
                }
            }
        });
    }

    void weightGradients(RouteScoresGrad op, Tensor[] in, Tensor[] out) {
        Tensor chosen = in[1];
        Tensor dweights = in[2];
        MemorySegment dscores = out[0].data();
        long experts = in[0].shape().last();
        int count = (int) chosen.shape().last();
        workers.share(chosen.shape().axis(0), 64, (from, to) -> {
            dscores.asSlice(4 * from * experts, 4 * (to - from) * experts).fill((byte) 0);
            for (long row = from; row < to; row++) {
                long at = 4 * dweights.offsetOf(row * count);
                for (int k = 0; k < count; k++) {
                    long expert = ChosenExperts.at(chosen, row, k, experts);
                    dscores.set(JAVA_FLOAT, 4 * (row * experts + expert), dweights.data().get(JAVA_FLOAT, at + 4L * k) * op.scale());
                }
            }
        });
    }
}
