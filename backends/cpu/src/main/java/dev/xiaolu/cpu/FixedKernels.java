package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.DOUBLES;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.LONGS;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/// Sums of gradients as integers in units of 2^−52, and their means.
final class FixedKernels {
    /// Longs in one vector.
    private static final int HALF = LANES / 2;
    private static final VectorShuffle<Float> HALVES_SWAPPED = VectorShuffle.fromOp(FLOATS, lane -> (lane + HALF) % LANES);
    /// Adding this to a double of magnitude below 2^51 rounds that to an integer, which then stands in the low bits.
    private static final double ROUND = 0x1.8p52;
    private static final long ROUND_BITS = Double.doubleToRawLongBits(ROUND);
    /// Gradients below it are rounded by addition.
    private static final float QUICK = 0.5f;
    /// Sums of one mean that machine code takes.
    private static final int MOST_SUMS = 8;
    /// Elements whose sums stay in the nearest cache while the leaves pass by.
    private static final long CHUNK = 1024;

    private final Workers workers;

    FixedKernels(Workers workers) {
        this.workers = workers;
    }

    void add(FixedAdd op, Tensor[] in, Tensor[] out) {
        Tensor grads = in[0];
        Tensor sum = in[1];
        MemorySegment overflow = in[2].data();
        long leaves = grads.shape().axis(0);
        long size = sum.shape().size();
        if (leaves == 0) {
            if (op.anew()) {
                Spans.share(workers, (from, to) -> sum.data().asSlice(8 * sum.offsetOf(from), 8 * (to - from)).fill((byte) 0), sum);
            }
            return;
        }
        Tensor leaf = grads.at(0);
        long next = 4 * grads.stride(0);
        Spans.share(workers, () -> MachineCode.available() ? new Calls(op.anew() ? Code.BEGIN.call() : null, Code.ADD.call()) : null, (calls, from, to) -> {
            long refused = 0;
            for (long start = from; start < to; start += CHUNK) {
                long count = Math.min(CHUNK, to - start);
                long atLeaf = 4 * leaf.offsetOf(start);
                long atSum = 8 * sum.offsetOf(start);
                for (long k = 0; k < leaves; k++) {
                    boolean anew = k == 0 && op.anew();
                    long at = atLeaf + k * next;
                    if (calls != null) {
                        refused += coded(anew ? calls.begin : calls.add, grads.data(), at, sum.data(), atSum, count, op.limit(), anew);
                    } else if (anew) {
                        refused += beginLoop(grads.data(), at, sum.data(), atSum, count, op.limit());
                    } else {
                        refused += addLoop(grads.data(), at, sum.data(), atSum, count, op.limit());
                    }
                }
            }
            if (refused > 0) {
                JAVA_LONG.varHandle().getAndAdd(overflow, 0L, refused);
            }
        }, leaf, sum);
    }

    /// One thread's calls.
    private record Calls(LaneCall begin, LaneCall add) {}

    /// The loops in machine code.
    private static final class Code {
        static final LaneLoop ADD = LaneLoop.of(x -> sums(x, false));
        static final LaneLoop BEGIN = LaneLoop.of(x -> sums(x, true));
        /// By the number of sums, twice: multiplied alone, and then divided.
        private static final LaneLoop[][] MEANS = new LaneLoop[2][1 + MOST_SUMS];

        private static void sums(Lanes x, boolean anew) {
            Value g = x.load(0);
            x.leaveUnless(x.less(x.and(g, x.bits(0x7FFFFFFF)), x.factor(0)));
            for (int half = 0; half < 2; half++) {
                Value rounded = x.addDoubles(x.mulDoubles(x.toDoubles(g, half), x.constant(0x1p52)), x.constant(ROUND));
                Value units = x.subLongs(rounded, x.longs(ROUND_BITS));
                x.storeLongs(1, half, anew ? units : x.addLongs(x.loadLongs(1, half), units));
            }
        }

        static synchronized LaneLoop mean(int sums, boolean divided) {
            LaneLoop[] means = MEANS[divided ? 1 : 0];
            if (means[sums] == null) {
                means[sums] = LaneLoop.of(x -> {
                    Value[] halves = new Value[2];
                    for (int half = 0; half < 2; half++) {
                        halves[half] = x.loadLongs(0, half);
                        for (int k = 1; k < sums; k++) {
                            halves[half] = x.addLongs(halves[half], x.loadLongs(k, half));
                        }
                    }
                    Value mean = x.mul(x.toFloats(halves[0], halves[1]), x.factor(0));
                    x.store(sums, divided ? x.div(mean, x.factor(1)) : mean);
                });
            }
            return means[sums];
        }
    }

    /// Adds a run, or begins one, and gives the number of gradients refused.
    private static long coded(LaneCall call, MemorySegment grads, long atGrads, MemorySegment sum, long atSum, long count, float limit, boolean anew) {
        call.factor(0, Math.min(limit, QUICK));
        long refused = 0;
        long i = 0;
        while (true) {
            i += call.place(0, grads.address() + atGrads + 4 * i).place(1, sum.address() + atSum + 8 * i).run(count - i);
            if (i == count) {
                return refused;
            }
            long few = Math.min(LANES, count - i);
            refused += oneByOne(grads, atGrads + 4 * i, sum, atSum + 8 * i, few, limit, anew);
            i += few;
        }
    }

    /// Adds a run and gives the number of gradients refused.
    private static long addLoop(MemorySegment grads, long atGrads, MemorySegment sum, long atSum, long count, float limit) {
        float quick = Math.min(limit, QUICK);
        long refused = 0;
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector g = load(grads, atGrads + 4 * i);
            if (g.abs().compare(VectorOperators.LT, quick).allTrue()) {
                addRounded((DoubleVector) g.convertShape(VectorOperators.F2D, DOUBLES, 0), sum, atSum + 8 * i);
                addRounded((DoubleVector) g.convertShape(VectorOperators.F2D, DOUBLES, 1), sum, atSum + 8 * (i + LANES / 2));
            } else {
                refused += oneByOne(grads, atGrads + 4 * i, sum, atSum + 8 * i, LANES, limit, false);
            }
        }
        return refused + oneByOne(grads, atGrads + 4 * i, sum, atSum + 8 * i, count - i, limit, false);
    }

    /// Begins a run of sums and gives the number of gradients refused.
    private static long beginLoop(MemorySegment grads, long atGrads, MemorySegment sum, long atSum, long count, float limit) {
        float quick = Math.min(limit, QUICK);
        long refused = 0;
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector g = load(grads, atGrads + 4 * i);
            if (g.abs().compare(VectorOperators.LT, quick).allTrue()) {
                units((DoubleVector) g.convertShape(VectorOperators.F2D, DOUBLES, 0)).intoMemorySegment(sum, atSum + 8 * i, LITTLE_ENDIAN);
                units((DoubleVector) g.convertShape(VectorOperators.F2D, DOUBLES, 1)).intoMemorySegment(sum, atSum + 8 * (i + LANES / 2), LITTLE_ENDIAN);
            } else {
                refused += oneByOne(grads, atGrads + 4 * i, sum, atSum + 8 * i, LANES, limit, true);
            }
        }
        return refused + oneByOne(grads, atGrads + 4 * i, sum, atSum + 8 * i, count - i, limit, true);
    }

    private static void addRounded(DoubleVector g, MemorySegment sum, long at) {
        LongVector.fromMemorySegment(LONGS, sum, at, LITTLE_ENDIAN).add(units(g)).intoMemorySegment(sum, at, LITTLE_ENDIAN);
    }

    /// In units of 2^−52, rounded to nearest even.
    private static LongVector units(DoubleVector g) {
        return g.mul(0x1p52).add(ROUND).reinterpretAsLongs().sub(ROUND_BITS);
    }

    private static long oneByOne(MemorySegment grads, long atGrads, MemorySegment sum, long atSum, long count, float limit, boolean anew) {
        long refused = 0;
        for (long i = 0; i < count; i++) {
            float g = grads.get(JAVA_FLOAT, atGrads + 4 * i);
            long before = anew ? 0 : sum.get(JAVA_LONG, atSum + 8 * i);
            boolean fits = Math.abs(g) < limit;
            sum.set(JAVA_LONG, atSum + 8 * i, fits ? before + (long) Math.rint(g * 0x1p52) : before);
            refused += fits ? 0 : 1;
        }
        return refused;
    }

    void mean(FixedMean op, Tensor[] in, Tensor[] out) {
        MemorySegment y = out[0].data();
        boolean power = Integer.bitCount(op.count()) == 1;       // then a product with the inverse is exact too
        float factor = power ? 0x1p-52f / op.count() : 0x1p-52f;
        if (MachineCode.available() && in.length <= MOST_SUMS) {
            Tensor[] all = Arrays.copyOf(in, in.length + 1);
            all[in.length] = out[0];
            Spans.run(workers, Code.mean(in.length, !power), power ? new float[] {factor} : new float[] {factor, op.count()}, all);
            return;
        }
        Spans.share(workers, (from, to) -> {
            for (long start = from; start < to; start += CHUNK) {
                long count = Math.min(CHUNK, to - start);
                if (in.length == 1) {
                    meanLoop(in[0].data(), 8 * in[0].offsetOf(start), y, 4 * start, count, factor);
                } else {
                    meanOfAllLoop(in, start, start + count, y, factor);
                }
                if (!power) {
                    divideLoop(y, 4 * start, count, op.count());
                }
            }
        }, in);
    }

    private static void divideLoop(MemorySegment y, long at, long count, float by) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            store(load(y, at + 4 * i).div(by), y, at + 4 * i);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, at + 4 * i, y.get(JAVA_FLOAT, at + 4 * i) / by);
        }
    }

    private static void meanLoop(MemorySegment sum, long atSum, MemorySegment y, long atY, long count, float factor) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            LongVector low = LongVector.fromMemorySegment(LONGS, sum, atSum + 8 * i, LITTLE_ENDIAN);
            LongVector high = LongVector.fromMemorySegment(LONGS, sum, atSum + 8 * (i + HALF), LITTLE_ENDIAN);
            store(scaled(low, high, factor), y, atY + 4 * i);
        }
        for (; i < count; i++) {
            y.set(JAVA_FLOAT, atY + 4 * i, (float) sum.get(JAVA_LONG, atSum + 8 * i) * factor);
        }
    }

    private static void meanOfAllLoop(Tensor[] sums, long from, long to, MemorySegment y, float factor) {
        MemorySegment[] data = new MemorySegment[sums.length];
        for (int k = 0; k < sums.length; k++) {
            data[k] = sums[k].data().asSlice(8 * sums[k].offsetOf(from));
        }
        long count = to - from;
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            LongVector low = LongVector.fromMemorySegment(LONGS, data[0], 8 * i, LITTLE_ENDIAN);
            LongVector high = LongVector.fromMemorySegment(LONGS, data[0], 8 * (i + HALF), LITTLE_ENDIAN);
            for (int k = 1; k < data.length; k++) {
                low = low.add(LongVector.fromMemorySegment(LONGS, data[k], 8 * i, LITTLE_ENDIAN));
                high = high.add(LongVector.fromMemorySegment(LONGS, data[k], 8 * (i + HALF), LITTLE_ENDIAN));
            }
            store(scaled(low, high, factor), y, 4 * (from + i));
        }
        for (; i < count; i++) {
            long units = 0;
            for (MemorySegment part : data) {
                units += part.get(JAVA_LONG, 8 * i);
            }
            y.set(JAVA_FLOAT, 4 * (from + i), (float) units * factor);
        }
    }

    /// Each half becomes a whole vector with zeros behind it: vectors of half the length would be of a second class, and where the compiler has seen two it makes objects of what they share methods with.
    /// No sum is −0, so adding zeros changes none.
    private static FloatVector scaled(LongVector low, LongVector high, float factor) {
        FloatVector first = (FloatVector) low.convertShape(VectorOperators.L2F, FLOATS, 0);
        FloatVector second = (FloatVector) high.convertShape(VectorOperators.L2F, FLOATS, 0);
        return first.add(second.rearrange(HALVES_SWAPPED)).mul(factor);
    }
}
