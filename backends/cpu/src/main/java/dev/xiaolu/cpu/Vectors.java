package dev.xiaolu.cpu;

import static dev.xiaolu.platform.Check.checkInput;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// The vector width that every kernel uses: the machine's widest, or that of the system property `xiaolu.cpu.vectorBits` (128, 256 or 512).
///
/// Constants, so that the compiler folds them. The width never changes a result, only the speed.
final class Vectors {
    static final VectorShape SHAPE = shape();
    static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, SHAPE);
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SHAPE);
    static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, SHAPE);
    static final VectorSpecies<Double> DOUBLES = VectorSpecies.of(double.class, SHAPE);
    /// Floats in one vector: 4, 8 or 16.
    static final int LANES = FLOATS.length();
    static final int BITS = SHAPE.vectorBitSize();

    private Vectors() {}

    /// The floats from this byte on.
    static FloatVector load(MemorySegment segment, long at) {
        return FloatVector.fromMemorySegment(FLOATS, segment, at, ByteOrder.LITTLE_ENDIAN);
    }

    /// Stores the floats from this byte on.
    static void store(FloatVector values, MemorySegment segment, long at) {
        values.intoMemorySegment(segment, at, ByteOrder.LITTLE_ENDIAN);
    }

    private static VectorShape shape() {
        int widest = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        int bits = Integer.getInteger("xiaolu.cpu.vectorBits", Math.min(512, widest));
        checkInput(bits == 128 || bits == 256 || bits == 512, "xiaolu.cpu.vectorBits is %d, wanted 128, 256 or 512", bits);
        assert IntVector.SPECIES_PREFERRED.length() == FloatVector.SPECIES_PREFERRED.length() && LongVector.SPECIES_PREFERRED.length() > 0;
        return VectorShape.forBitSize(bits);
    }
}
