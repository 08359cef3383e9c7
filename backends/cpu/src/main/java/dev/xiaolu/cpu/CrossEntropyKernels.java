package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// Cross-entropy without the probabilities, and its gradient, which makes them again one row at a time.
final class CrossEntropyKernels {
    private final Workers workers;

    CrossEntropyKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(CrossEntropy op, Tensor[] in, Tensor[] out) {
        Tensor logits = in[0];
        Tensor targets = in[1];
        int vocab = (int) logits.shape().last();
        if (MachineCode.available()) {
            Spans.rows(workers, 1, Code.FORWARD, Spans.NONE, logits.shape().rows(), vocab, new long[] {vocab, 1, 1}, logits, out[1], out[2]);
        }
        workers.share(logits.shape().rows(), 1, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                int target = target(targets, row, vocab);
                long at = 4 * logits.offsetOf(row * vocab);
                if (!MachineCode.available()) {
                    float largest = maximumLoop(logits.data(), at, vocab);
                    out[1].data().set(JAVA_FLOAT, 4 * row, largest);
                    out[2].data().set(JAVA_FLOAT, 4 * row, RowSums.exponentialLoop(logits.data(), at, vocab, largest, lanes));
                }
                float m = out[1].data().get(JAVA_FLOAT, 4 * row);
                float l = out[2].data().get(JAVA_FLOAT, 4 * row);
                float loss = target < 0 ? 0 : Elementary.log(l) - (logits.data().get(JAVA_FLOAT, at + 4L * target) - m);
                out[0].data().set(JAVA_FLOAT, 4 * row, loss);
            }
        });
    }

    void gradient(CrossEntropyGrad op, Tensor[] in, Tensor[] out) {
        Tensor logits = in[0];
        MemorySegment dlogits = out[0].data();
        int vocab = (int) logits.shape().last();
        boolean coded = MachineCode.available();
        if (coded) {
            Spans.rows(workers, 1, Code.GRADIENT, Spans.NONE, logits.shape().rows(), vocab, new long[] {vocab, 1, 1, 1, vocab}, logits, in[2], in[3], in[4], out[0]);
        }
        workers.share(logits.shape().rows(), 1, (from, to) -> {
            for (long row = from; row < to; row++) {
                int target = target(in[1], row, vocab);
                if (target < 0) {
                    dlogits.asSlice(4 * row * vocab, 4L * vocab).fill((byte) 0);
                } else {
                    float m = in[2].data().get(JAVA_FLOAT, 4 * row);
                    float r = 1 / in[3].data().get(JAVA_FLOAT, 4 * row);
                    float dloss = in[4].data().get(JAVA_FLOAT, 4 * row);
                    long at = 4 * logits.offsetOf(row * vocab);
                    if (!coded) {
                        gradientLoop(logits.data(), at, m, r, dloss, dlogits, 4 * row * vocab, vocab);
                    }
                    float p = Elementary.exp(logits.data().get(JAVA_FLOAT, at + 4L * target) - m) * r;
                    dlogits.set(JAVA_FLOAT, 4 * (row * vocab + target), (p - 1) * dloss);
                }
            }
        });
    }

    /// Rows in machine code.
    private static final class Code {
        /// `logits, m, l`.
        static final LaneLoop FORWARD = LaneLoop.rows(x -> {
            Value m = x.largest(0);
            x.storeOne(1, 0, m);
            x.storeOne(2, 0, x.sum(() -> LaneElementary.exp(x, x.sub(x.load(0), m))));
        });
        /// `logits, m, l, dloss, dlogits`, every element as if it were not the target's.
        static final LaneLoop GRADIENT = LaneLoop.rows(x -> {
            Value m = x.loadOne(1, 0);
            Value r = x.div(x.constant(1f), x.loadOne(2, 0));
            Value dloss = x.loadOne(3, 0);
            x.each(() -> x.store(4, x.mul(x.mul(LaneElementary.exp(x, x.sub(x.load(0), m)), r), dloss)));
        });
    }

    /// Every element as if it were not the target's.
    private static void gradientLoop(MemorySegment x, long at, float m, float r, float dloss, MemorySegment dx, long atDx, int vocab) {
        long i = 0;
        for (; i <= vocab - LANES; i += LANES) {
            VectorElementary.exp(load(x, at + 4 * i).sub(m)).mul(r).mul(dloss).intoMemorySegment(dx, atDx + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < vocab; i++) {
            dx.set(JAVA_FLOAT, atDx + 4 * i, Elementary.exp(x.get(JAVA_FLOAT, at + 4 * i) - m) * r * dloss);
        }
    }

    /// The largest element; four chains at a time, since the order of maxima does not matter.
    static float maximumLoop(MemorySegment x, long at, int count) {
        FloatVector m0 = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        FloatVector m1 = m0;
        FloatVector m2 = m0;
        FloatVector m3 = m0;
        long i = 0;
        for (; i <= count - 4 * LANES; i += 4 * LANES) {
            m0 = m0.max(load(x, at + 4 * i));
            m1 = m1.max(load(x, at + 4 * (i + LANES)));
            m2 = m2.max(load(x, at + 4 * (i + 2 * LANES)));
            m3 = m3.max(load(x, at + 4 * (i + 3 * LANES)));
        }
        float m = m0.max(m1).max(m2.max(m3)).reduceLanes(VectorOperators.MAX);
        for (; i < count; i++) {
            m = Math.max(m, x.get(JAVA_FLOAT, at + 4 * i));
        }
        return m;
    }

    private static int target(Tensor targets, long row, int vocab) {
        int target = targets.data().get(JAVA_INT, 4 * row);
        if (target < -1 || target >= vocab) {
            throw new IndexOutOfBoundsException("target " + target + " of row " + row + ", wanted -1 or 0 to " + (vocab - 1));
        }
        return target;
    }
}
