package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/// What every backend's matrix product must do: give the reference's bits, whatever the sizes, strides, batches and orientations.
public abstract class MatMulContract extends OperatorContract {
    private static final int[] SIZES = {1, 7, 15, 17, 31, 33, 255, 256, 257, 513, 1000};

    @Test void everySizeOfEveryAxisGivesTheReferencesBits() {
        long seed = 3000;
        for (int size : SIZES) {
            withInputs(seed++, inputs -> {
                everyOrientation(inputs, Values.NORMAL, size, 17, 33);
                everyOrientation(inputs, Values.NORMAL, 15, size, 34);
                everyOrientation(inputs, Values.NORMAL, 13, 31, size);
            });
        }
    }

    @Test void squaresGiveTheReferencesBits() {
        long seed = 3100;
        for (int size : new int[] {2, 12, 24, 32, 33, 64, 96, 255, 257}) {
            withInputs(seed++, inputs -> everyOrientation(inputs, Values.NORMAL, size, size, size));
        }
    }

    /// A matrix times its own transpose, of which a backend may compute half: alone, in a batch, as a view, and with what is no number on one side of the diagonal.
    @Test void aMatrixTimesItselfGivesTheReferencesBits() {
        long seed = 3150;
        for (int size : new int[] {1, 17, 63, 64, 65, 96, 130, 192, 257}) {
            withInputs(seed++, inputs -> {
                for (int inner : new int[] {1, 40, 300, 2100}) {
                    Tensor x = inputs.normal(size, inner);
                    assertSameBits(inputs, new MatMul(false, true), x, x);
                    Tensor tall = inputs.normal(inner, size);
                    assertSameBits(inputs, new MatMul(true, false), tall, tall);
                }
                Tensor stack = inputs.normal(3, size, 70);
                assertSameBits(inputs, new MatMul(false, true), stack, stack);
                Tensor view = inputs.normal(2, 70, size + 5).slice(2, 3, size + 3);
                assertSameBits(inputs, new MatMul(true, false), view, view);
                for (Values values : Values.values()) {
                    Tensor x = inputs.floats(values, Shape.of(size, 50));
                    assertSameBits(inputs, new MatMul(false, true), x, x);
                }
            });
        }
    }

    /// Each count of leaves, the last one whole or short, has a tree of its own.
    @Test void everyCountOfLeavesMeetsItsTree() {
        for (int leaves = 1; leaves <= 40; leaves++) {
            int count = leaves;
            withInputs(3200 + leaves, inputs -> {
                assertSameBits(inputs, new MatMul(false, true), inputs.normal(5, 256 * count), inputs.normal(9, 256 * count));
                assertSameBits(inputs, new MatMul(true, false), inputs.normal(256 * count - 255, 13), inputs.normal(256 * count - 255, 34));
            });
        }
    }

    @Test void fewRowsGiveTheReferencesBits() {
        for (int rows = 1; rows <= 14; rows++) {
            int few = rows;
            withInputs(3300 + rows, inputs -> everyOrientation(inputs, Values.NORMAL, few, 300, 97));
        }
    }

    @Test void extremesDenormalsInfinitiesAndNanGiveTheReferencesBits() {
        long seed = 3400;
        for (Values values : Values.values()) {
            withInputs(seed++, inputs -> {
                everyOrientation(inputs, values, 14, 600, 37);
                everyOrientation(inputs, values, 1, 257, 19);
                everyOrientation(inputs, values, 40, 3, 70);
            });
        }
    }

    /// Products so small that they are denormal, and sums of zeros of both signs: nothing is flushed, and a chain starts from +0.
    @Test void denormalsAreKeptAndChainsStartFromPlusZero() {
        withInputs(3450, inputs -> {
            Tensor tiny = inputs.normal(30, 270);
            for (int i = 0; i < 30; i++) {
                for (int k = 0; k < 270; k++) {
                    tiny.setFloat(tiny.getFloat(i, k) * 0x1p-120f, i, k);
                }
            }
            Tensor small = inputs.normal(40, 270);
            for (int i = 0; i < 40; i++) {
                for (int k = 0; k < 270; k++) {
                    small.setFloat(i % 4 == 0 ? -0f : small.getFloat(i, k) * 0x1p-20f, i, k);
                }
            }
            assertSameBits(inputs, new MatMul(false, true), tiny, small);
        });
    }

    @Test void slicesOfLargerMatricesGiveTheReferencesBits() {
        withInputs(3500, inputs -> {
            for (int transposed = 0; transposed < 4; transposed++) {
                Tensor a = transposed % 2 == 0 ? inputs.normal(29, 300) : inputs.normal(300, 29);
                Tensor b = transposed < 2 ? inputs.normal(300, 45) : inputs.normal(45, 300);
                assertSameBits(inputs, new MatMul(transposed % 2 != 0, transposed >= 2), inputs.view(a), inputs.view(b));
            }
            Tensor wide = inputs.normal(70, 640);
            Tensor weight = inputs.normal(50, 128);
            for (int part = 0; part < 5; part++) {
                Tensor columns = wide.slice(1, 128 * part, 128 * part + 128);
                assertSameBits(inputs, new MatMul(false, true), columns, weight);
                assertSameBits(inputs, new MatMul(true, false), columns, wide.slice(1, 640 - 33, 640));
            }
        });
    }

    @Test void batchesGiveTheReferencesBits() {
        withInputs(3600, inputs -> {
            for (int transposed = 0; transposed < 4; transposed++) {
                var op = new MatMul(transposed % 2 != 0, transposed >= 2);
                for (int products : new int[] {1, 2, 5, 9}) {
                    Tensor a = transposed % 2 == 0 ? inputs.normal(products, 19, 130) : inputs.normal(products, 130, 19);
                    Tensor b = transposed < 2 ? inputs.normal(products, 130, 37) : inputs.normal(products, 37, 130);
                    assertSameBits(inputs, op, a, b);
                    assertSameBits(inputs, op, inputs.view(a), inputs.view(b));
                }
                Tensor a = transposed % 2 == 0 ? inputs.normal(2, 3, 8, 31) : inputs.normal(2, 3, 31, 8);
                Tensor b = transposed < 2 ? inputs.normal(2, 3, 31, 40) : inputs.normal(2, 3, 40, 31);
                assertSameBits(inputs, op, inputs.view(a), inputs.view(b));
            }
        });
    }

    @Test void oneMatrixSharedByABatchGivesTheReferencesBits() {
        withInputs(3700, inputs -> {
            Tensor a = inputs.normal(3, 2, 11, 140);
            assertSameBits(inputs, new MatMul(false, true), a, inputs.normal(50, 140));
            assertSameBits(inputs, new MatMul(false, false), a, inputs.normal(140, 50));
            assertSameBits(inputs, new MatMul(false, true), inputs.view(a), inputs.view(inputs.normal(50, 140)));
            assertSameBits(inputs, new MatMul(false, false), a.slice(2, 1, 8), inputs.normal(140, 50));
            assertSameBits(inputs, new MatMul(false, true), inputs.normal(3, 1, 140), inputs.normal(50, 140));
        });
    }

    /// Sizes beyond what is packed at a time, and nodes that wait in memory.
    @Test void blocksOfEveryAxisGiveTheReferencesBits() {
        withInputs(3800, inputs -> {
            everyOrientation(inputs, Values.NORMAL, 2100, 1100, 14);
            everyOrientation(inputs, Values.NORMAL, 30, 1100, 1100);
            assertSameBits(inputs, new MatMul(false, true), inputs.normal(36, 1024), inputs.normal(2100, 1024));
            assertSameBits(inputs, new MatMul(false, false), inputs.normal(300, 400), inputs.normal(400, 300));
            assertSameBits(inputs, new MatMul(true, false), inputs.normal(4100, 36), inputs.normal(4100, 70));
        });
    }

    @Test void emptyAxesGiveEmptyResultsAndZeros() {
        withInputs(3900, inputs -> {
            everyOrientation(inputs, Values.NORMAL, 0, 5, 7);
            everyOrientation(inputs, Values.NORMAL, 5, 0, 7);
            everyOrientation(inputs, Values.NORMAL, 5, 7, 0);
            assertSameBits(inputs, new MatMul(false, false), inputs.normal(0, 4, 5), inputs.normal(0, 5, 6));
            assertSameBits(inputs, new MatMul(false, true), inputs.normal(3, 0, 5), inputs.normal(6, 5));
        });
    }

    @Test void aRowDoesNotDependOnTheRowsBesideIt() {
        withInputs(3950, inputs -> {
            Tensor a = inputs.normal(40, 700);
            Tensor b = inputs.normal(50, 700);
            try (var arena = Arena.ofShared()) {
                Tensor all = runBackend(arena, new MatMul(false, true), a, b)[0];
                for (int row = 0; row < 40; row++) {
                    Tensor alone = runBackend(arena, new MatMul(false, true), a.slice(0, row, row + 1), b)[0];
                    assertArrayEquals(all.slice(0, row, row + 1).toFloats(), alone.toFloats());
                }
            }
        });
    }

    @Test void aCallLeavesNoGarbage() {
        withInputs(3990, inputs -> {
            assertNoGarbage(new MatMul(false, true), inputs.normal(1, 300), inputs.normal(200, 300));
            assertNoGarbage(new MatMul(false, true), inputs.normal(100, 300), inputs.normal(200, 300));
            assertNoGarbage(new MatMul(true, false), inputs.normal(4, 1100, 20), inputs.normal(4, 1100, 50));
        });
    }

    private void everyOrientation(Inputs inputs, Values values, int rows, int inner, int columns) {
        for (int transposed = 0; transposed < 4; transposed++) {
            Tensor a = inputs.floats(values, transposed % 2 == 0 ? Shape.of(rows, inner) : Shape.of(inner, rows));
            Tensor b = inputs.floats(values, transposed < 2 ? Shape.of(inner, columns) : Shape.of(columns, inner));
            assertSameBits(inputs, new MatMul(transposed % 2 != 0, transposed >= 2), a, b);
        }
    }
}
