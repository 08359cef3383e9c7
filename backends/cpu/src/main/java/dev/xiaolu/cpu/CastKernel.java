package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.INTS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.xiaolu.op.Cast;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Conversions between F32 and BF16 by integer operations on their bits, and contiguous copies.
final class CastKernel implements Kernel<Cast> {
    /// As many shorts as there are ints in a vector.
    private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(Vectors.BITS / 2));

    private final Workers workers;

    CastKernel(Workers workers) {
        this.workers = workers;
    }

    @Override public void run(Cast op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        MemorySegment y = out[0].data();
        long bytesIn = x.dtype().bytes();
        long bytesOut = op.to().bytes();
        Workers.Job run = x.dtype() == op.to() ? (from, to) -> MemorySegment.copy(x.data(), bytesIn * x.offsetOf(from), y, bytesOut * from, bytesOut * (to - from))
                : bytesIn < bytesOut ? (from, to) -> widen(x.data(), 2 * x.offsetOf(from), y, 4 * from, to - from)
                : (from, to) -> narrowLoop(x.data(), 4 * x.offsetOf(from), y, 2 * from, to - from);
        Spans.share(workers, run, x);
    }

    private static void widen(MemorySegment x, long atX, MemorySegment y, long atY, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            ShortVector.fromMemorySegment(SHORTS, x, atX + 2 * i, LITTLE_ENDIAN).convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0)
                    .lanewise(VectorOperators.LSHL, 16).intoMemorySegment(y, atY + 4 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            y.set(JAVA_INT, atY + 4 * i, x.get(JAVA_SHORT, atX + 2 * i) << 16);
        }
    }

    private static void narrowLoop(MemorySegment x, long atX, MemorySegment y, long atY, long count) {
        long i = 0;
        for (; i <= count - LANES; i += LANES) {
            IntVector bits = IntVector.fromMemorySegment(INTS, x, atX + 4 * i, LITTLE_ENDIAN);
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
            IntVector rounded = bits.add(0x7FFF).add(odd).lanewise(VectorOperators.LSHR, 16);
            rounded = rounded.blend(0x7FC0, bits.and(0x7FFFFFFF).compare(VectorOperators.GT, 0x7F800000));
            rounded.convertShape(VectorOperators.I2S, SHORTS, 0).intoMemorySegment(y, atY + 2 * i, LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            int bits = x.get(JAVA_INT, atX + 4 * i);
            boolean nan = (bits & 0x7FFFFFFF) > 0x7F800000;
            y.set(JAVA_SHORT, atY + 2 * i, (short) (nan ? 0x7FC0 : bits + 0x7FFF + (bits >>> 16 & 1) >>> 16));
        }
    }
}
