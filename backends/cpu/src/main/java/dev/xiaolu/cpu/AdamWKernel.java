package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.AdamW;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// One step of AdamW: a single pass over parameter, gradient and both moments.
final class AdamWKernel implements Kernel<AdamW> {
    private final Workers workers;

    AdamWKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(AdamW op, Tensor[] in, Tensor[] out) {
        Tensor param = in[0];
        Tensor grad = in[1];
        Tensor m = in[2];
        Tensor v = in[3];
        if (MachineCode.available()) {
            Spans.run(workers, Code.STEP, Code.factors(op), param, grad, m, v);
            return;
        }
        Spans.share(workers, (from, to) -> step(op, param.data(), 4 * param.offsetOf(from), grad.data(), 4 * grad.offsetOf(from),
                m.data(), 4 * m.offsetOf(from), v.data(), 4 * v.offsetOf(from), to - from), in);
    }

    /// The same in machine code.
    ///
    /// The loop goes through every parameter once in a step, so it must be fast in the first step already. And in its Java form, by the luck of what was compiled before, the
    /// compiler may hoist a check out of the loop that fails in some tensor of every step; then the kernel is thrown away and compiled anew for a hundred times.
    private static final class Code {
        static final LaneLoop STEP = LaneLoop.of(x -> {
            Value grad = x.mul(x.load(1), x.factor(5));
            Value first = x.fma(x.factor(0), x.load(2), x.mul(grad, x.factor(3)));
            Value second = x.fma(x.factor(1), x.load(3), x.mul(x.mul(grad, x.factor(4)), grad));
            Value divisor = x.add(x.div(x.sqrt(second), x.factor(6)), x.factor(7));
            x.store(0, x.fma(x.factor(2), x.div(first, divisor), x.mul(x.load(0), x.factor(8))));
            x.store(2, first);
            x.store(3, second);
        });

        static float[] factors(AdamW op) {
            return new float[] {op.beta1(), op.beta2(), -op.stepSize(), op.rest1(), op.rest2(), op.gradScale(), op.rootCorrection2(), op.epsilon(), op.keep()};
        }
    }

    private static void step(AdamW op, MemorySegment param, long atParam, MemorySegment grad, long atGrad, MemorySegment m, long atM, MemorySegment v, long atV, long count) {
        FloatVector beta1 = FloatVector.broadcast(FLOATS, op.beta1());
        FloatVector beta2 = FloatVector.broadcast(FLOATS, op.beta2());
        FloatVector back = FloatVector.broadcast(FLOATS, -op.stepSize());
        float rest1 = op.rest1();
        float rest2 = op.rest2();
        float gradScale = op.gradScale();
        float rootCorrection2 = op.rootCorrection2();
        float epsilon = op.epsilon();
        float keep = op.keep();
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector g = load(grad, atGrad + 4 * i).mul(gradScale);
            FloatVector first = beta1.fma(load(m, atM + 4 * i), g.mul(rest1));
            FloatVector second = beta2.fma(load(v, atV + 4 * i), g.mul(rest2).mul(g));
            FloatVector d = second.sqrt().div(rootCorrection2).add(epsilon);
            store(back.fma(first.div(d), load(param, atParam + 4 * i).mul(keep)), param, atParam + 4 * i);
            store(first, m, atM + 4 * i);
            store(second, v, atV + 4 * i);
        }
        for (; i < count; i++) {
            float g = grad.get(JAVA_FLOAT, atGrad + 4 * i) * gradScale;
            float first = Math.fma(op.beta1(), m.get(JAVA_FLOAT, atM + 4 * i), rest1 * g);
            float second = Math.fma(op.beta2(), v.get(JAVA_FLOAT, atV + 4 * i), rest2 * g * g);
            float d = (float) Math.sqrt(second) / rootCorrection2 + epsilon;
            param.set(JAVA_FLOAT, atParam + 4 * i, Math.fma(-op.stepSize(), first / d, param.get(JAVA_FLOAT, atParam + 4 * i) * keep));
            m.set(JAVA_FLOAT, atM + 4 * i, first);
            v.set(JAVA_FLOAT, atV + 4 * i, second);
        }
    }
}
