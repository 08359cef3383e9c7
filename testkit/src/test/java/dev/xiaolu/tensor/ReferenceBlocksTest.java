package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Codes;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.WidenFp4;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.testkit.Golden;
import dev.xiaolu.testkit.Inputs;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReferenceBlocksTest {
    private final Arena arena = Arena.ofConfined();
    private final Inputs inputs = new Inputs(arena, 7);

    @AfterEach void free() {
        arena.close();
    }

    private Tensor[] run(Op op, Tensor... tensors) {
        Tensor[] outputs = op.infer(Arrays.stream(tensors).map(Tensor::type).toList()).stream()
                .map(type -> Tensor.zeros(arena, type.dtype(), type.shape())).toArray(Tensor[]::new);
        new Reference().run(op, tensors, outputs);
        return outputs;
    }

    private static int byteAt(Tensor tensor, long index) {
        return tensor.data().get(JAVA_BYTE, index) & 0xFF;
    }

    private static byte[] bytes(Tensor tensor) {
        return tensor.data().toArray(JAVA_BYTE);
    }

    private void compareWithGolden(String oneCase, Quantise op) {
        Golden golden = Golden.open("quantise");
        Tensor codes = golden.tensor(oneCase, "codes");
        Tensor scales = golden.tensor(oneCase, "scales");
        Tensor[] found = run(op, golden.tensor(oneCase, "x"));
        for (int i = 0; i < scales.shape().size(); i++) {
            assertEquals(scales.data().getAtIndex(JAVA_INT, i), byteAt(found[1], i), "scale " + i);
        }
        for (int i = 0; i < codes.shape().size(); i++) {
            int code = op.codes() == Codes.FP8 ? byteAt(found[0], i) : byteAt(found[0], i / 2) >> 4 * (i % 2) & 15;
            assertEquals(codes.data().getAtIndex(JAVA_INT, i), code, "code " + i);
        }
        assertArrayEquals(golden.tensor(oneCase, "y").toFloats(), run(new Dequantise(op.blocks()), found)[0].toFloats());
    }

    @Test void blocksOfFp8AndFp4AreThoseOfPyTorch() {
        compareWithGolden("fp8_weights", Quantise.fp8Weights());
        compareWithGolden("fp8_activations", Quantise.fp8Activations());
        compareWithGolden("fp4", Quantise.fp4());
    }

    /// A block whose largest element rounds down to half the largest code has a smaller scale the next time, but stands for the same numbers.
    @ParameterizedTest @EnumSource(Values.class)
    void whatWasQuantisedOnceKeepsItsBits(Values values) {
        for (Quantise op : new Quantise[] {Quantise.fp8Weights(), Quantise.fp8Activations(), Quantise.fp4()}) {
            Tensor[] once = run(op, quartered(inputs.floats(values, Shape.of(135, 262))));
            Tensor numbers = run(new Dequantise(op.blocks()), once)[0];
            Tensor[] twice = run(op, numbers);
            assertEquals(-1, numbers.data().mismatch(run(new Dequantise(op.blocks()), twice)[0].data()), op.toString());
            Tensor[] thrice = run(op, run(new Dequantise(op.blocks()), twice)[0]);
            assertArrayEquals(bytes(twice[0]), bytes(thrice[0]), op + " codes");
            assertArrayEquals(bytes(twice[1]), bytes(thrice[1]), op + " scales");
        }
    }

    @Test void fakeQuantisationIsTheRoundTripOfTheFirstChannels() {
        Tensor x = inputs.floats(Values.WIDE, Shape.of(5, 192));
        float[] found = run(FakeQuantise.fp8Cache(128), x)[0].toFloats();
        float[] trip = run(new Dequantise(new Blocks(1, 64)), run(new Quantise(Codes.FP8, new Blocks(1, 64), 1e-4f), x))[0].toFloats();
        for (int i = 0; i < found.length; i++) {
            assertEquals(i % 192 < 128 ? trip[i] : x.toFloats()[i], found[i]);
        }
        assertArrayEquals(run(new Dequantise(Blocks.FP4), run(Quantise.fp4(), x))[0].toFloats(), run(FakeQuantise.fp4Indexer(192), x)[0].toFloats());
    }

    @Test void aBlockWithNaNOrInfinityIsNaNThroughout() {
        for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
            Tensor x = inputs.normal(2, 64);
            x.setFloat(bad, 0, 40);
            Tensor[] codes = run(Quantise.fp4(), x);
            assertEquals(E8M0.NAN, byteAt(codes[1], 1));
            float[] y = run(new Dequantise(Blocks.FP4), codes)[0].toFloats();
            for (int i = 0; i < y.length; i++) {
                assertEquals(i >= 32 && i < 64, Float.isNaN(y[i]), "element " + i);
            }
        }
    }

    /// Rounding up must not leave the range of F32.
    private static Tensor quartered(Tensor x) {
        for (long i = 0; i < x.shape().size(); i++) {
            x.data().setAtIndex(JAVA_FLOAT, i, x.data().getAtIndex(JAVA_FLOAT, i) * 0.25f);
        }
        return x;
    }

    private Tensor[] fp4(int rows, int columns, int leastScale, int spread) {
        Tensor scales = inputs.bits(DType.F8_E8M0, rows, Math.ceilDiv(columns, 32));
        for (long i = 0; i < scales.shape().size(); i++) {
            scales.data().set(JAVA_BYTE, i, (byte) (leastScale + byteAt(scales, i) % (spread + 1)));
        }
        return new Tensor[] {inputs.bits(DType.I8, rows, columns / 2), scales};
    }

    @Test void fp4WidensToFp8WithoutLossWithinAFactorOfTwoToTheFourteenth() {
        Tensor[] narrow = fp4(200, 300, 100, 14);
        Tensor[] wide = run(new WidenFp4(), narrow);
        for (int lost = 0; lost < wide[2].shape().size(); lost++) {
            assertEquals(0, wide[2].data().getAtIndex(JAVA_INT, lost));
        }
        float[] wanted = run(new Dequantise(Blocks.FP4), narrow)[0].toFloats();
        float[] found = run(new Dequantise(Blocks.WEIGHTS), wide[0], wide[1])[0].toFloats();
        assertArrayEquals(wanted, found);
    }

    @Test void whatFp8CannotHoldIsCountedForItsBlockAndZerosCostNothing() {
        Tensor[] narrow = fp4(130, 32, 100, 0);
        narrow[1].data().set(JAVA_BYTE, 3, (byte) 115);
        narrow[1].data().set(JAVA_BYTE, 5, (byte) 10);
        narrow[0].at(5).data().asSlice(0, 16).fill((byte) 0x80);                  // a group of zeros, written as +0 and −0
        narrow[0].at(3).data().asSlice(0, 16).fill((byte) 0x77);
        for (int row : new int[] {0, 1, 2, 4}) {
            narrow[0].at(row).data().asSlice(0, 16).fill((byte) 0x22);            // ones
        }
        for (int row = 6; row < 128; row++) {
            narrow[0].at(row).data().asSlice(0, 16).fill((byte) 0x12);            // a half for each one: the only value that is a step too small
        }
        Tensor lost = run(new WidenFp4(), narrow)[2];
        assertEquals(122 * 16, lost.getInt(0, 0));
        assertEquals(0, lost.getInt(1, 0));
    }

    @Test void aNaNScaleStaysNaN() {
        Tensor[] narrow = fp4(2, 64, 100, 3);
        narrow[1].data().set(JAVA_BYTE, 1, (byte) E8M0.NAN);
        Tensor[] wide = run(new WidenFp4(), narrow);
        assertTrue(Float.isNaN(run(new Dequantise(Blocks.WEIGHTS), wide[0], wide[1])[0].getFloat(1, 5)));
        assertEquals(0, wide[2].getInt(0, 0));
    }

    @Test void shapesThatDoNotFitAreNamed() {
        var scales = inputs.bits(DType.F8_E8M0, 2, 2);
        assertEquals("Dequantise: scales is [2, 2], wanted [2, 3] for blocks of 128x128 in [200, 300]",
                assertThrows(IllegalArgumentException.class, () -> run(new Dequantise(Blocks.WEIGHTS), inputs.bits(DType.F8_E4M3, 200, 300), scales)).getMessage());
        assertEquals("FP4: x is [3, 5], wanted an even number of columns", assertThrows(IllegalArgumentException.class, () -> run(Quantise.fp4(), inputs.normal(3, 5))).getMessage());
    }
}
