package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/// Rotations of the channels of each row: of interleaved pairs by position, and by the Hadamard matrix.
final class RotationKernels {
    private static final VectorShuffle<Float> NEIGHBOURS = VectorShuffle.fromOp(FLOATS, lane -> lane ^ 1);
    /// Which cosine and sine of half a vector of pairs each lane takes.
    private static final VectorShuffle<Float> TWICE = VectorShuffle.fromOp(FLOATS, lane -> lane / 2);
    private static final VectorShuffle<Float> TWICE_HIGH = VectorShuffle.fromOp(FLOATS, lane -> LANES / 2 + lane / 2);
    private static final VectorMask<Float> EVEN = VectorMask.fromLong(FLOATS, 0x5555);

    private final Workers workers;

    RotationKernels(Workers workers) {
        this.workers = workers;
    }

    void pairs(RopePairs op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor table = in[1];
        Tensor positions = in[2];
        MemorySegment y = out[0].data();
        int dim = (int) x.shape().last();
        int pairs = (int) table.shape().last() / 2;
        long heads = x.shape().axis(-2);
        long stride = 4 * x.stride(-2);
        long passed = 4L * (dim - 2 * pairs);
        workers.share(positions.shape().size(), 16, (from, to) -> {
            LaneCall call = MachineCode.available() ? (op.inverse() ? Code.BACK : Code.FORTH).call().stride(0, stride).stride(3, 4L * dim) : null;
            LaneCall copy = MachineCode.available() ? Code.COPY.call().stride(0, stride).stride(1, 4L * dim) : null;
            for (long token = from; token < to; token++) {
                int position = positions.data().get(JAVA_INT, 4 * positions.offsetOf(token));
                if (position < 0 || position >= table.shape().axis(0)) {
                    throw new IndexOutOfBoundsException("position " + position + " of row " + token + ", wanted 0 to " + (table.shape().axis(0) - 1));
                }
                long atTable = 4 * position * table.stride(0);
                if (call != null) {
                    long at = Spans.address(x, token * heads * dim);
                    long into = y.address() + 4 * token * heads * dim;
                    copy.place(0, at).place(1, into).rows(heads, dim - 2 * pairs);
                    call.place(0, at + passed).place(1, table.data().address() + atTable).place(2, table.data().address() + atTable + 4L * pairs).place(3, into + passed).rows(heads, pairs);
                    continue;
                }
                for (long row = token * heads; row < (token + 1) * heads; row++) {
                    long at = 4 * x.offsetOf(row * dim);
                    MemorySegment.copy(x.data(), at, y, 4 * row * dim, passed);
                    rotateLoop(x.data(), at + passed, table.data(), atTable, y, 4 * row * dim + passed, pairs, op.inverse());
                }
            }
        });
        Reference.reachabilityFence(in);
    }

    /// The same in machine code: `x, cosines, sines, y`.
    private static final class Code {
        static final LaneLoop FORTH = LaneLoop.of(x -> turn(x, true));
        static final LaneLoop BACK = LaneLoop.of(x -> turn(x, false));
        static final LaneLoop COPY = LaneLoop.of(x -> x.store(1, x.load(0)));

        /// Even channels `fma(a, c, ∓(b · s))`, odd ones `fma(b, c, ±(a · s))`.
        private static void turn(Lanes x, boolean forth) {
            Value signs = x.lanes(lane -> (lane & 1) == (forth ? 0 : 1) ? 0x80000000 : 0);
            Value neighbours = x.lanes(lane -> lane ^ 1);
            Value c = x.load(1);
            Value s = x.load(2);
            for (int half = 0; half < 2; half++) {
                int first = half * Vectors.LANES / 2;
                Value twice = x.lanes(lane -> first + lane / 2);
                Value v = x.loadWide(0, half);
                Value product = x.mul(x.rearrange(v, neighbours), x.rearrange(s, twice));
                x.storeWide(3, half, x.fma(v, x.rearrange(c, twice), x.xor(product, signs)));
            }
        }
    }

    /// Two vectors of channels at a time, whose pairs fill one vector of cosines and one of sines.
    private static void rotateLoop(MemorySegment x, long atX, MemorySegment table, long atTable, MemorySegment y, long atY, int pairs, boolean inverse) {
        long sines = atTable + 4L * pairs;
        long i = 0;
        for (; i <= pairs - LANES; i += LANES) {
            FloatVector c = load(table, atTable + 4 * i);
            FloatVector sine = load(table, sines + 4 * i);
            FloatVector s = inverse ? sine.neg() : sine;
            store(turn(load(x, atX + 8 * i), c.rearrange(TWICE), s.rearrange(TWICE)), y, atY + 8 * i);
            store(turn(load(x, atX + 8 * i + 4 * LANES), c.rearrange(TWICE_HIGH), s.rearrange(TWICE_HIGH)), y, atY + 8 * i + 4 * LANES);
        }
        for (; i < pairs; i++) {
            float c = table.get(JAVA_FLOAT, atTable + 4 * i);
            float sine = table.get(JAVA_FLOAT, sines + 4 * i);
            float s = inverse ? -sine : sine;
            float a = x.get(JAVA_FLOAT, atX + 8 * i);
            float b = x.get(JAVA_FLOAT, atX + 8 * i + 4);
            y.set(JAVA_FLOAT, atY + 8 * i, Math.fma(a, c, -(b * s)));
            y.set(JAVA_FLOAT, atY + 8 * i + 4, Math.fma(b, c, a * s));
        }
    }

    /// Even lanes `fma(a, c, −(b · s))`, odd ones `fma(b, c, a · s)`.
    private static FloatVector turn(FloatVector x, FloatVector c, FloatVector s) {
        FloatVector product = x.rearrange(NEIGHBOURS).mul(s);
        return x.fma(c, product.blend(product.neg(), EVEN));
    }

    void hadamard(Hadamard op, Tensor[] in, Tensor[] out) {
        int dim = Math.toIntExact(in[0].shape().last());
        float scale = Hadamard.scale(dim);
        workers.share(in[0].shape().rows(), 16, (from, to) -> {
            float[] row = new float[dim];
            for (long index = from; index < to; index++) {
                MemorySegment.copy(in[0].data(), JAVA_FLOAT, 4 * in[0].offsetOf(index * dim), row, 0, dim);
                rotate(row, dim);
                for (int i = 0; i < dim; i++) {
                    row[i] *= scale;
                }
                MemorySegment.copy(row, 0, out[0].data(), JAVA_FLOAT, 4 * index * dim, dim);
            }
        });
    }

    private static void rotate(float[] row, int dim) {
        for (int stride = 1; stride < dim; stride *= 2) {
            for (int start = 0; start < dim; start += 2 * stride) {
                for (int i = start; i < start + stride; i++) {
                    float a = row[i];
                    float b = row[i + stride];
                    row[i] = a + b;
                    row[i + stride] = a - b;
                }
            }
        }
    }
}
