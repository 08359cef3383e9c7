package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Rope;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;

/// Rotary position embedding, a row of the table for each token.
final class RopeKernel implements Kernel<Rope> {
    private final Workers workers;

    RopeKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(Rope op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor table = in[1];
        Tensor positions = in[2];
        MemorySegment y = out[0].data();
        int dim = (int) x.shape().last();
        long heads = x.shape().axis(-2);
        long stride = 4 * x.stride(-2);
        long other = 2L * dim;
        workers.share(positions.shape().size(), 16, (from, to) -> {
            LaneCall call = MachineCode.available() ? (op.inverse() ? Code.BACK : Code.FORTH).call() : null;
            if (call != null) {
                call.stride(0, stride).stride(1, stride).stride(4, 4L * dim).stride(5, 4L * dim);
            }
            for (long token = from; token < to; token++) {
                int position = positions.data().get(JAVA_INT, 4 * positions.offsetOf(token));
                if (position < 0 || position >= table.shape().axis(0)) {
                    throw new IndexOutOfBoundsException("position " + position + " of row " + token + ", wanted 0 to " + (table.shape().axis(0) - 1));
                }
                long atTable = 4 * position * table.stride(0);
                if (call != null) {
                    pair(call, 0, Spans.address(x, token * heads * dim), other);
                    pair(call, 2, table.data().address() + atTable, other);
                    pair(call, 4, y.address() + 4 * token * heads * dim, other);
                    call.rows(heads, dim / 2);
                    continue;
                }
                for (long row = token * heads; row < (token + 1) * heads; row++) {
                    rotateLoop(x.data(), 4 * x.offsetOf(row * dim), table.data(), atTable, y, 4 * row * dim, dim / 2, op.inverse());
                }
            }
        });
        Reference.reachabilityFence(in);
    }

    private static void pair(LaneCall call, int tensor, long address, long other) {
        call.place(tensor, address).place(tensor + 1, address + other);
    }

    /// The same in machine code: halves of a row, cosines, sines, halves of the result.
    private static final class Code {
        static final LaneLoop FORTH = LaneLoop.of(x -> {
            x.store(4, x.fmaMinus(x.load(0), x.load(2), x.mul(x.load(1), x.load(3))));
            x.store(5, x.fma(x.load(1), x.load(2), x.mul(x.load(0), x.load(3))));
        });
        static final LaneLoop BACK = LaneLoop.of(x -> {
            x.store(4, x.fma(x.load(0), x.load(2), x.mul(x.load(1), x.load(3))));
            x.store(5, x.fmaMinus(x.load(1), x.load(2), x.mul(x.load(0), x.load(3))));
        });
    }

    private static void rotateLoop(MemorySegment x, long atX, MemorySegment table, long atTable, MemorySegment y, long atY, int half, boolean inverse) {
        long other = 4L * half;
        long i = 0;
        for (; i <= half - LANES; i += LANES) {
            FloatVector c = load(table, atTable + 4 * i);
            FloatVector sine = load(table, atTable + other + 4 * i);
            FloatVector s = inverse ? sine.neg() : sine;
            FloatVector first = load(x, atX + 4 * i);
            FloatVector second = load(x, atX + other + 4 * i);
            store(first.fma(c, second.mul(s).neg()), y, atY + 4 * i);
            store(second.fma(c, first.mul(s)), y, atY + other + 4 * i);
        }
        for (; i < half; i++) {
            float c = table.get(JAVA_FLOAT, atTable + 4 * i);
            float sine = table.get(JAVA_FLOAT, atTable + other + 4 * i);
            float s = inverse ? -sine : sine;
            float first = x.get(JAVA_FLOAT, atX + 4 * i);
            float second = x.get(JAVA_FLOAT, atX + other + 4 * i);
            y.set(JAVA_FLOAT, atY + 4 * i, Math.fma(first, c, -(second * s)));
            y.set(JAVA_FLOAT, atY + other + 4 * i, Math.fma(second, c, first * s));
        }
    }
}
