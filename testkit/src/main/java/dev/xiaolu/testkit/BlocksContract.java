package dev.xiaolu.testkit;

import dev.xiaolu.op.Blocks;
import dev.xiaolu.op.Codes;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.WidenFp4;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What every backend's operators on blocks with scales must do: give the reference's bits.
public abstract class BlocksContract extends OperatorContract {
    /// Even numbers of columns, as FP4 wants them.
    private static final List<Shape> SHAPES = List.of(Shape.of(3, 0), Shape.of(1, 2), Shape.of(7, 30), Shape.of(15, 34), Shape.of(129, 130), Shape.of(2, 5, 32), Shape.of(3, 130, 6),
            Shape.of(2, 2, 3, 258), Shape.of(17, 1000));
    private static final List<Blocks> BLOCKS = List.of(Blocks.WEIGHTS, Blocks.ACTIVATIONS, Blocks.FP4, new Blocks(3, 5));

    @Test void dequantiseGivesTheReferencesBits() {
        long seed = 100;
        for (Shape shape : SHAPES) {
            for (Blocks blocks : BLOCKS) {
                for (Codes codes : Codes.values()) {
                    withInputs(seed++, inputs -> {
                        var type = codes.of(shape);
                        long[] grid = blocks.grid(shape).toArray();
                        Tensor x = inputs.bits(type.dtype(), type.shape().toArray());
                        assertSameBits(inputs, new Dequantise(blocks), x, inputs.bits(DType.F8_E8M0, grid));
                        assertSameBits(inputs, new Dequantise(blocks), inputs.view(x), inputs.view(inputs.bits(DType.F8_E8M0, grid)));
                        assertSameBits(inputs, new Dequantise(blocks), x, inputs.view(inputs.floats(Values.WILD, Shape.of(grid))));
                    });
                }
            }
        }
    }

    @Test void quantiseGivesTheReferencesBits() {
        long seed = 1000;
        for (Values values : Values.values()) {
            for (Shape shape : SHAPES) {
                for (Blocks blocks : BLOCKS) {
                    for (Codes codes : Codes.values()) {
                        withInputs(seed++, inputs -> {
                            Tensor x = inputs.floats(values, shape);
                            assertSameBits(inputs, new Quantise(codes, blocks, 1e-4f), x);
                            assertSameBits(inputs, new Quantise(codes, blocks, 0), inputs.view(x));
                        });
                    }
                }
            }
        }
    }

    @Test void fakeQuantiseGivesTheReferencesBits() {
        long seed = 2000;
        for (Values values : Values.values()) {
            for (Shape shape : SHAPES) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, shape);
                    int hidden = (int) shape.last();
                    assertSameBits(inputs, FakeQuantise.fp8Cache(hidden / 2), x);
                    assertSameBits(inputs, FakeQuantise.fp4Indexer(hidden), inputs.view(x));
                    assertSameBits(inputs, new FakeQuantise(Codes.FP8, 7, hidden, 0), x);
                });
            }
        }
    }

    @Test void widenFp4GivesTheReferencesBits() {
        long seed = 3000;
        for (Shape shape : SHAPES) {
            for (int spread : new int[] {14, 250}) {
                withInputs(seed++, inputs -> {
                    Tensor codes = inputs.bits(DType.I8, Codes.FP4.of(shape).shape().toArray());
                    Tensor scales = inputs.bits(DType.F8_E8M0, Blocks.FP4.grid(shape).toArray());
                    for (long i = 0; i < scales.shape().size(); i++) {
                        scales.data().set(ValueLayout.JAVA_BYTE, i, (byte) ((scales.data().get(ValueLayout.JAVA_BYTE, i) & 0xFF) % spread));
                    }
                    assertSameBits(inputs, new WidenFp4(), codes, scales);
                    assertSameBits(inputs, new WidenFp4(), inputs.view(codes), inputs.view(scales));
                });
            }
        }
    }

    @Test void aCallMakesNoGarbage() {
        withInputs(4000, inputs -> {
            Tensor x = inputs.normal(64, 4096);
            assertNoGarbage(Quantise.fp8Weights(), x);
            assertNoGarbage(FakeQuantise.fp8Cache(4096), x);
            assertNoGarbage(new Dequantise(Blocks.WEIGHTS), inputs.bits(DType.F8_E4M3, 64, 4096), inputs.bits(DType.F8_E8M0, 1, 32));
        });
    }
}
