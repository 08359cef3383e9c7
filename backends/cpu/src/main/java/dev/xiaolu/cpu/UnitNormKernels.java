package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// The root-mean-square norm without a gain, and its gradient.
final class UnitNormKernels {
    private final Workers workers;

    UnitNormKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(UnitNorm op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        MemorySegment y = out[0].data();
        int hidden = (int) x.shape().last();
        if (MachineCode.available()) {
            Spans.rows(workers, 8, Code.FORWARD, new float[] {hidden, op.epsilon()}, x.shape().rows(), hidden, new long[] {hidden, hidden}, x, out[0]);
            return;
        }
        workers.share(x.shape().rows(), 8, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                long at = 4 * x.offsetOf(row * hidden);
                Chains.scaleLoop(inverseRoot(x.data(), at, hidden, op.epsilon(), lanes), x.data(), at, y, 4 * row * hidden, hidden);
            }
        });
    }

    void gradient(UnitNormGrad op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor dy = in[1];
        MemorySegment dx = out[0].data();
        int hidden = (int) x.shape().last();
        if (MachineCode.available()) {
            Spans.rows(workers, 8, Code.GRADIENT, new float[] {hidden, op.epsilon()}, x.shape().rows(), hidden, new long[] {hidden, hidden, hidden}, x, dy, out[0]);
            return;
        }
        workers.share(x.shape().rows(), 8, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                gradientLoop(x.data(), 4 * x.offsetOf(row * hidden), dy.data(), 4 * dy.offsetOf(row * hidden), dx, 4 * row * hidden, hidden, op.epsilon(), lanes);
            }
        });
    }

    /// Rows in machine code. Factors: how many elements, epsilon.
    private static final class Code {
        /// `x, y`.
        static final LaneLoop FORWARD = LaneLoop.rows(x -> {
            Value r = LaneElementary.inverseRoot(x, x.squares(0), x.factor(0), x.factor(1));
            x.each(() -> x.store(1, x.mul(x.load(0), r)));
        });
        /// `x, dy, dx`.
        static final LaneLoop GRADIENT = LaneLoop.rows(x -> {
            Lanes.Sum squares = x.start();
            Lanes.Sum products = x.start();
            x.sums(() -> {
                Value v = x.load(0);
                x.accumulateProduct(squares, v, v);
                x.accumulateProduct(products, x.load(1), v);
            });
            Value r = LaneElementary.inverseRoot(x, x.total(squares), x.factor(0), x.factor(1));
            Value c = x.div(x.mul(x.mul(x.total(products), r), r), x.factor(0));
            x.each(() -> x.store(2, x.mul(r, x.minusFma(x.load(0), c, x.load(1)))));
        });
    }

    private static void gradientLoop(MemorySegment x, long atX, MemorySegment dy, long atDy, MemorySegment dx, long atDx, int hidden, float epsilon, float[] lanes) {
        float r = inverseRoot(x, atX, hidden, epsilon, lanes);
        float c = RowSums.productLoop(dy, atDy, x, atX, hidden, lanes) * r * r / hidden;
        FloatVector rs = FloatVector.broadcast(FLOATS, r);
        FloatVector cs = FloatVector.broadcast(FLOATS, c);
        long i = 0;
        for (; i <= hidden - LANES; i += LANES) {
            store(rs.mul(load(x, atX + 4 * i).neg().fma(cs, load(dy, atDy + 4 * i))), dx, atDx + 4 * i);
        }
        for (; i < hidden; i++) {
            dx.set(JAVA_FLOAT, atDx + 4 * i, r * Math.fma(-x.get(JAVA_FLOAT, atX + 4 * i), c, dy.get(JAVA_FLOAT, atDy + 4 * i)));
        }
    }

    private static float inverseRoot(MemorySegment x, long at, int hidden, float epsilon, float[] lanes) {
        return 1 / (float) Math.sqrt(RowSums.squareLoop(x, at, hidden, lanes) / hidden + epsilon);
    }
}
