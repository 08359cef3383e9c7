package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.GT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// The gated activation with its inputs kept small, and its gradients.
final class ClampedSwiGluKernels {
    private final Workers workers;

    ClampedSwiGluKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(ClampedSwiGlu op, Tensor[] in, Tensor[] out) {
        Tensor gate = in[0];
        Tensor up = in[1];
        if (MachineCode.available()) {
            Spans.run(workers, Code.FORWARD, new float[] {op.limit(), -op.limit()}, gate, up, out[0]);
            return;
        }
        MemorySegment y = out[0].data();
        Spans.share(workers, (from, to) -> forwardLoop(op.limit(), gate.data(), 4 * gate.offsetOf(from), up.data(), 4 * up.offsetOf(from), y, 4 * from, to - from), gate, up);
    }

    void gradients(ClampedSwiGluGrad op, Tensor[] in, Tensor[] out) {
        Tensor gate = in[0];
        Tensor up = in[1];
        Tensor dy = in[2];
        if (MachineCode.available()) {
            Spans.run(workers, Code.GRADIENTS, new float[] {op.limit(), -op.limit()}, gate, up, dy, out[0], out[1]);
            return;
        }
        MemorySegment dgate = out[0].data();
        MemorySegment dup = out[1].data();
        Spans.share(workers, (from, to) -> gradientLoop(op.limit(), gate.data(), 4 * gate.offsetOf(from), up.data(), 4 * up.offsetOf(from),
                dy.data(), 4 * dy.offsetOf(from), dgate, dup, 4 * from, to - from), gate, up, dy);
    }

    /// The same in machine code; what is no number passes each bound.
    private static final class Code {
        static final LaneLoop FORWARD = LaneLoop.of(x -> {
            Value high = x.factor(0);
            Value g = x.min(high, x.load(0));
            Value u = x.max(x.factor(1), x.min(high, x.load(1)));
            x.store(2, x.mul(x.mul(g, LaneElementary.sigmoid(x, g)), u));
        });
        static final LaneLoop GRADIENTS = LaneLoop.of(x -> {
            Value high = x.factor(0);
            Value zero = x.constant(0f);
            Value one = x.constant(1f);
            Value gates = x.load(0);
            Value ups = x.load(1);
            Value d = x.load(2);
            Value g = x.min(high, gates);
            Value u = x.max(x.factor(1), x.min(high, ups));
            Value s = LaneElementary.sigmoid(x, g);
            Value slope = x.mul(s, x.fma(g, x.sub(one, s), one));
            x.store(3, x.blend(x.mul(x.mul(d, u), slope), zero, x.greater(gates, high)));
            x.store(4, x.blend(x.mul(d, x.mul(g, s)), zero, x.greater(x.and(ups, x.bits(0x7FFFFFFF)), high)));
        });
    }

    private static void forwardLoop(float limit, MemorySegment gate, long atGate, MemorySegment up, long atUp, MemorySegment y, long atY, long count) {
        FloatVector high = FloatVector.broadcast(FLOATS, limit);
        FloatVector low = FloatVector.broadcast(FLOATS, -limit);
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector g = load(gate, atGate + 4 * i).min(high);
            FloatVector u = load(up, atUp + 4 * i).min(high).max(low);
            g.mul(VectorElementary.sigmoid(g)).mul(u).intoMemorySegment(y, atY + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            float g = Math.min(gate.get(JAVA_FLOAT, atGate + 4 * i), limit);
            float u = Math.max(-limit, Math.min(up.get(JAVA_FLOAT, atUp + 4 * i), limit));
            y.set(JAVA_FLOAT, atY + 4 * i, g * Elementary.sigmoid(g) * u);
        }
    }

    private static void gradientLoop(float limit, MemorySegment gate, long atGate, MemorySegment up, long atUp, MemorySegment dy, long atDy,
            MemorySegment dgate, MemorySegment dup, long at, long count) {
        FloatVector high = FloatVector.broadcast(FLOATS, limit);
        FloatVector low = FloatVector.broadcast(FLOATS, -limit);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector gates = load(gate, atGate + 4 * i);
            FloatVector ups = load(up, atUp + 4 * i);
            FloatVector d = load(dy, atDy + 4 * i);
            FloatVector g = gates.min(high);
            FloatVector s = VectorElementary.sigmoid(g);
            FloatVector slope = s.mul(g.fma(one.sub(s), one));
            d.mul(ups.min(high).max(low)).mul(slope).blend(0f, gates.compare(GT, high)).intoMemorySegment(dgate, at + 4 * i, LITTLE_ENDIAN);
            d.mul(g.mul(s)).blend(0f, ups.abs().compare(GT, high)).intoMemorySegment(dup, at + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            float gates = gate.get(JAVA_FLOAT, atGate + 4 * i);
            float ups = up.get(JAVA_FLOAT, atUp + 4 * i);
            float d = dy.get(JAVA_FLOAT, atDy + 4 * i);
            float g = Math.min(gates, limit);
            float u = Math.max(-limit, Math.min(ups, limit));
            float s = Elementary.sigmoid(g);
            dgate.set(JAVA_FLOAT, at + 4 * i, gates > limit ? 0 : d * u * (s * Math.fma(g, 1 - s, 1)));
            dup.set(JAVA_FLOAT, at + 4 * i, Math.abs(ups) > limit ? 0 : d * (g * s));
        }
    }
}
