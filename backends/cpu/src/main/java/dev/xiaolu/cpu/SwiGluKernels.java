package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.tensor.Elementary;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// The gated activation and its gradients.
final class SwiGluKernels {
    private final Workers workers;

    SwiGluKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(SwiGlu op, Tensor[] in, Tensor[] out) {
        Tensor gate = in[0];
        Tensor up = in[1];
        Tensor y = out[0];
        if (MachineCode.available()) {
            Spans.run(workers, Code.FORWARD, Spans.NONE, gate, up, y);
            return;
        }
        Spans.share(workers, (from, to) -> forwardLoop(gate.data(), 4 * gate.offsetOf(from), up.data(), 4 * up.offsetOf(from), y.data(), 4 * from, to - from), gate, up);
    }

    void gradients(SwiGluGrad op, Tensor[] in, Tensor[] out) {
        Tensor gate = in[0];
        Tensor up = in[1];
        Tensor dy = in[2];
        if (MachineCode.available()) {
            Spans.run(workers, Code.GRADIENTS, Spans.NONE, gate, up, dy, out[0], out[1]);
            return;
        }
        MemorySegment dgate = out[0].data();
        MemorySegment dup = out[1].data();
        Spans.share(workers, (from, to) -> gradientLoop(gate.data(), 4 * gate.offsetOf(from), up.data(), 4 * up.offsetOf(from), dy.data(), 4 * dy.offsetOf(from),
                dgate, dup, 4 * from, to - from), gate, up, dy);
    }

    /// The same in machine code.
    private static final class Code {
        static final LaneLoop FORWARD = LaneLoop.of(x -> {
            Value g = x.load(0);
            x.store(2, x.mul(x.mul(g, LaneElementary.sigmoid(x, g)), x.load(1)));
        });
        static final LaneLoop GRADIENTS = LaneLoop.of(x -> {
            Value one = x.constant(1f);
            Value g = x.load(0);
            Value d = x.load(2);
            Value s = LaneElementary.sigmoid(x, g);
            x.store(3, x.mul(x.mul(d, x.load(1)), x.mul(s, x.fma(g, x.sub(one, s), one))));
            x.store(4, x.mul(d, x.mul(g, s)));
        });
    }

    private static void forwardLoop(MemorySegment gate, long atGate, MemorySegment up, long atUp, MemorySegment y, long atY, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector g = load(gate, atGate + 4 * i);
            FloatVector u = load(up, atUp + 4 * i);
            g.mul(VectorElementary.sigmoid(g)).mul(u).intoMemorySegment(y, atY + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            float g = gate.get(JAVA_FLOAT, atGate + 4 * i);
            y.set(JAVA_FLOAT, atY + 4 * i, g * Elementary.sigmoid(g) * up.get(JAVA_FLOAT, atUp + 4 * i));
        }
    }

    private static void gradientLoop(MemorySegment gate, long atGate, MemorySegment up, long atUp, MemorySegment dy, long atDy,
            MemorySegment dgate, MemorySegment dup, long at, long count) {
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector g = load(gate, atGate + 4 * i);
            FloatVector u = load(up, atUp + 4 * i);
            FloatVector d = load(dy, atDy + 4 * i);
            FloatVector s = VectorElementary.sigmoid(g);
            d.mul(u).mul(s.mul(g.fma(one.sub(s), one))).intoMemorySegment(dgate, at + 4 * i, LITTLE_ENDIAN);
            d.mul(g.mul(s)).intoMemorySegment(dup, at + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            float g = gate.get(JAVA_FLOAT, atGate + 4 * i);
            float d = dy.get(JAVA_FLOAT, atDy + 4 * i);
            float s = Elementary.sigmoid(g);
            dgate.set(JAVA_FLOAT, at + 4 * i, d * up.get(JAVA_FLOAT, atUp + 4 * i) * (s * Math.fma(g, 1 - s, 1)));
            dup.set(JAVA_FLOAT, at + 4 * i, d * (g * s));
        }
    }
}
