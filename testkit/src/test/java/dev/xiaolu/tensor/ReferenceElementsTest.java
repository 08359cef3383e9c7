package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.testkit.Inputs;
import java.lang.foreign.Arena;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// The definitions that no golden covers, against exact decimals, identities and statistics.
class ReferenceElementsTest {
    private final Arena arena = Arena.ofConfined();
    private final Inputs inputs = new Inputs(arena, 42);

    @AfterEach void free() {
        arena.close();
    }

    private Tensor run(Op op, Tensor... tensors) {
        Tensor[] outputs = op.infer(java.util.Arrays.stream(tensors).map(Tensor::type).toList()).stream()
                .map(type -> Tensor.zeros(arena, type.dtype(), type.shape())).toArray(Tensor[]::new);
        new Reference().run(op, tensors, outputs);
        return outputs.length == 0 ? null : outputs[0];
    }

    private static long at(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_LONG, index);
    }

    @Test void fixedAddRoundsTheExactValueToTheNearestUnitTiesToEven() {
        float[] values = {1, -1, 0x1p-52f, 0x1p-53f, 3 * 0x1p-53f, -0x1p-53f, 0x1.8p-52f, 0.1f, -1000.7f, Float.MIN_VALUE, -0f, 0x1.fffffep-30f};
        Tensor sum = Tensor.zeros(arena, DType.I64, Shape.of(values.length));
        run(new FixedAdd(2048, false), Tensor.of(arena, Shape.of(1, values.length), values), sum, Tensor.zeros(arena, DType.I64, Shape.of(1)));
        for (int i = 0; i < values.length; i++) {
            long exact = new BigDecimal(values[i]).multiply(BigDecimal.TWO.pow(52)).setScale(0, RoundingMode.HALF_EVEN).longValueExact();
            assertEquals(exact, at(sum, i), Float.toString(values[i]));
        }
    }

    @Test void fixedAddCountsWhatItRefuses() {
        Tensor grads = Tensor.of(arena, Shape.of(2, 4), 1, Float.NaN, 2, -2, Math.nextDown(2f), Float.NEGATIVE_INFINITY, 0, -1);
        Tensor sum = Tensor.zeros(arena, DType.I64, Shape.of(4));
        Tensor overflow = Tensor.zeros(arena, DType.I64, Shape.of(1));
        run(new FixedAdd(2, false), grads, sum, overflow);
        assertEquals(4, at(overflow, 0));
        assertEquals(1L << 52, at(sum, 0) - (long) (Math.nextDown(2f) * 0x1p52));
        assertEquals(0, at(sum, 1));
        assertEquals(0, at(sum, 2));
        assertEquals(-1L << 52, at(sum, 3));
    }

    @Test void fixedMeanRoundsTheSumOnceAndDividesOnce() {
        long[] sums = {0, 1, -1, (1L << 24) + 1, (1L << 25) + 3, Long.MAX_VALUE, Long.MIN_VALUE, 123456789012345678L};
        Tensor sum = Tensor.zeros(arena, DType.I64, Shape.of(sums.length));
        for (int i = 0; i < sums.length; i++) {
            sum.data().setAtIndex(JAVA_LONG, i, sums[i]);
        }
        Tensor mean = run(new FixedMean(3), sum);
        for (int i = 0; i < sums.length; i++) {
            float rounded = new BigDecimal(sums[i]).divide(BigDecimal.TWO.pow(52), MathContext.UNLIMITED).floatValue();
            assertEquals(rounded / 3, mean.getFloat(i), "sum " + sums[i]);
        }
    }

    @Test void castToBf16TakesTheNearerNeighbourAndTheEvenOneOfTwo() {
        float[] values = {1, 0x1.01p0f, 0x1.03p0f, Math.nextUp(0x1.01p0f), -0x1.01p0f, Float.MAX_VALUE, Float.MIN_VALUE, Float.NaN, Float.NEGATIVE_INFINITY, -0f};
        int[] wanted = {0x3F80, 0x3F80, 0x3F82, 0x3F81, 0xBF80, 0x7F80, 0x0000, 0x7FC0, 0xFF80, 0x8000};
        Tensor narrow = run(new Cast(DType.BF16), Tensor.of(arena, Shape.of(values.length), values));
        for (int i = 0; i < values.length; i++) {
            assertEquals(wanted[i], narrow.data().getAtIndex(JAVA_SHORT, i) & 0xFFFF, Float.toString(values[i]));
        }
    }

    @Test void digestsOfPartsAddUpToThatOfTheWhole() {
        Tensor whole = inputs.bits(DType.F32, 1000);
        Tensor all = run(new Digest(0), whole);
        long[] sums = new long[2];
        for (long[] part : new long[][] {{0, 1}, {1, 256}, {256, 700}, {700, 1000}}) {
            Tensor share = run(new Digest(part[0]), whole.slice(0, part[0], part[1]));
            sums[0] += at(share, 0);
            sums[1] += at(share, 1);
        }
        assertArrayEquals(new long[] {at(all, 0), at(all, 1)}, sums);
    }

    @Test void digestSeesEveryBitAndEveryExchange() {
        Tensor x = inputs.bits(DType.F32, 600);
        Tensor before = run(new Digest(0), x);
        for (int bit = 0; bit < 32; bit++) {
            Tensor changed = inputs.copy(x);
            changed.setFloat(Float.intBitsToFloat(Float.floatToRawIntBits(x.getFloat(300)) ^ 1 << bit), 300);
            Tensor after = run(new Digest(0), changed);
            assertNotEquals(at(before, 0), at(after, 0), "bit " + bit);
            assertNotEquals(at(before, 1), at(after, 1), "bit " + bit);
        }
        Tensor exchanged = inputs.copy(x);
        exchanged.setFloat(x.getFloat(5), 261);
        exchanged.setFloat(x.getFloat(261), 5);
        assertNotEquals(at(before, 0), at(run(new Digest(0), exchanged), 0));
    }

    @Test void randomNormalHasTheMomentsOfANormalDistribution() {
        Tensor x = Tensor.zeros(arena, DType.F32, Shape.of(200_000));
        run(new RandomNormal(2, 99), x);
        double[] moments = new double[5];
        for (float value : x.toFloats()) {
            for (int power = 1; power <= 4; power++) {
                moments[power] += StrictMath.pow(value / 2.0, power) / 200_000;
            }
        }
        assertEquals(0, moments[1], 0.01);
        assertEquals(1, moments[2], 0.02);
        assertEquals(0, moments[3], 0.03);
        assertEquals(3, moments[4], 0.1);
    }

    @Test void randomNormalDependsOnKeyAndPositionAlone() {
        Tensor small = Tensor.zeros(arena, DType.F32, Shape.of(10));
        Tensor large = Tensor.zeros(arena, DType.F32, Shape.of(3, 7));
        Tensor other = Tensor.zeros(arena, DType.F32, Shape.of(10));
        run(new RandomNormal(1, 5), small);
        run(new RandomNormal(1, 5), large);
        run(new RandomNormal(1, 6), other);
        assertArrayEquals(small.toFloats(), java.util.Arrays.copyOf(large.toFloats(), 10));
        assertTrue(java.util.stream.IntStream.range(0, 10).allMatch(i -> small.getFloat(i) != other.getFloat(i)));
    }
}
