package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Scale;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Sums of two tensors, plain and with factors, and one tensor with a factor.
final class AddKernels {
    private final Workers workers;

    AddKernels(Workers workers) {
        this.workers = workers;
    }

    void add(Add op, Tensor[] in, Tensor[] out) {
        Tensor a = in[0];
        Tensor b = in[1];
        Tensor y = out[0];
        if (MachineCode.available()) {
            Spans.run(workers, Code.ADD, Spans.NONE, a, b, y);
            return;
        }
        Spans.share(workers, (from, to) -> addLoop(a.data(), 4 * a.offsetOf(from), b.data(), 4 * b.offsetOf(from), y.data(), 4 * from, to - from), a, b);
    }

    void combine(Axpby op, Tensor[] in, Tensor[] out) {
        Tensor a = in[0];
        Tensor b = in[1];
        Tensor y = out[0];
        if (MachineCode.available()) {
            Spans.run(workers, Code.COMBINE, new float[] {op.alpha(), op.beta()}, a, b, y);
            return;
        }
        Spans.share(workers, (from, to) -> combineLoop(op.alpha(), a.data(), 4 * a.offsetOf(from), op.beta(), b.data(), 4 * b.offsetOf(from),
                y.data(), 4 * from, to - from), a, b);
    }

    void scale(Scale op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor y = out[0];
        if (MachineCode.available()) {
            Spans.run(workers, Code.SCALE, new float[] {op.factor()}, x, y);
            return;
        }
        Spans.share(workers, (from, to) -> scaleLoop(op.factor(), x.data(), 4 * x.offsetOf(from), y.data(), 4 * from, to - from), x);
    }

    /// The same in machine code.
    private static final class Code {
        static final LaneLoop ADD = LaneLoop.of(x -> x.store(2, x.add(x.load(0), x.load(1))));
        static final LaneLoop COMBINE = LaneLoop.of(x -> x.store(2, x.fma(x.factor(0), x.load(0), x.mul(x.load(1), x.factor(1)))));
        static final LaneLoop SCALE = LaneLoop.of(x -> x.store(1, x.mul(x.load(0), x.factor(0))));
    }

    private static void addLoop(MemorySegment a, long atA, MemorySegment b, long atB, MemorySegment y, long atY, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            store(load(a, atA + 4 * i).add(load(b, atB + 4 * i)), y, atY + 4 * i);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, atY + 4 * i, a.get(JAVA_FLOAT, atA + 4 * i) + b.get(JAVA_FLOAT, atB + 4 * i));
        }
    }

    private static void combineLoop(float alpha, MemorySegment a, long atA, float beta, MemorySegment b, long atB, MemorySegment y, long atY, long count) {
        FloatVector alphas = FloatVector.broadcast(FLOATS, alpha);
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            store(alphas.fma(load(a, atA + 4 * i), load(b, atB + 4 * i).mul(beta)), y, atY + 4 * i);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, atY + 4 * i, Math.fma(alpha, a.get(JAVA_FLOAT, atA + 4 * i), beta * b.get(JAVA_FLOAT, atB + 4 * i)));
        }
    }

    private static void scaleLoop(float factor, MemorySegment x, long atX, MemorySegment y, long atY, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            store(load(x, atX + 4 * i).mul(factor), y, atY + 4 * i);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, atY + 4 * i, factor * x.get(JAVA_FLOAT, atX + 4 * i));
        }
    }
}
