package dev.xiaolu.testkit;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.testkit.Inputs.Values;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// What every backend's operators that go element by element must do: give the reference's bits.
public abstract class ElementsContract extends OperatorContract {
    private static final List<Shape> SHAPES = List.of(Shape.of(), Shape.of(0), Shape.of(1), Shape.of(7), Shape.of(31), Shape.of(33), Shape.of(257), Shape.of(3, 0), Shape.of(5, 17),
            Shape.of(2, 3, 15), Shape.of(9, 1000), Shape.of(20011));

    /// Runs `op` on `count` F32 tensors of every shape and kind of values, contiguous and as views.
    private void everywhere(long seed, Op op, int count) {
        for (Values values : Values.values()) {
            for (Shape shape : SHAPES) {
                withInputs(seed++, inputs -> {
                    Tensor[] plain = new Tensor[count];
                    Tensor[] views = new Tensor[count];
                    for (int i = 0; i < count; i++) {
                        plain[i] = inputs.floats(values, shape);
                        views[i] = i % 2 == 0 ? inputs.view(plain[i]) : plain[i];
                    }
                    assertSameBits(inputs, op, plain);
                    assertSameBits(inputs, op, views);
                });
            }
        }
    }

    @Test void addGivesTheReferencesBits() {
        everywhere(100, new Add(), 2);
    }

    @Test void axpbyGivesTheReferencesBits() {
        everywhere(200, new Axpby(0.7f, -1.3f), 2);
        everywhere(300, new Axpby(0f, 1e30f), 2);
    }

    @Test void scaleGivesTheReferencesBits() {
        everywhere(340, new Scale(0.7f), 1);
        everywhere(370, new Scale(-1e30f), 1);
    }

    @Test void swiGluGivesTheReferencesBits() {
        everywhere(400, new SwiGlu(), 2);
    }

    @Test void swiGluGradGivesTheReferencesBits() {
        everywhere(500, new SwiGluGrad(), 3);
    }

    @Test void adamWGivesTheReferencesBits() {
        everywhere(600, AdamW.at(1, 1e-3, 0.9, 0.95, 1e-8, 0.1, 1f), 4);
        everywhere(700, AdamW.at(1000, 3e-4, 0.9, 0.999, 1e-8, 0, 0.37f), 4);
    }

    /// Long enough for a thread to take its part in pieces, the last of them no whole number of vectors.
    @Test void adamWOnLongTensorsGivesTheReferencesBits() {
        withInputs(750, inputs -> {
            Tensor[] tensors = new Tensor[4];
            Arrays.setAll(tensors, _ -> inputs.floats(Values.NORMAL, Shape.of(300_007)));
            assertSameBits(inputs, AdamW.at(3, 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.5f), tensors);
        });
    }

    @Test void castBetweenF32AndBf16GivesTheReferencesBits() {
        everywhere(800, new Cast(DType.BF16), 1);
        long seed = 900;
        for (Shape shape : SHAPES) {
            withInputs(seed++, inputs -> {
                Tensor x = inputs.bits(DType.BF16, shape.toArray());
                assertSameBits(inputs, new Cast(DType.F32), x);
                assertSameBits(inputs, new Cast(DType.F32), inputs.view(x));
                assertSameBits(inputs, new Cast(DType.BF16), inputs.bits(DType.F32, shape.toArray()));
            });
        }
    }

    @Test void castToTheSameTypeCopiesAnyViewToTheBit() {
        long seed = 1000;
        for (DType dtype : DType.values()) {
            for (Shape shape : SHAPES) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.bits(dtype, shape.toArray());
                    assertSameBits(inputs, new Cast(dtype), x);
                    assertSameBits(inputs, new Cast(dtype), inputs.view(x));
                });
            }
        }
    }

    @Test void fixedAddGivesTheReferencesSumsAndOverflows() {
        long seed = 1100;
        for (Values values : Values.values()) {
            for (Shape shape : SHAPES) {
                for (int leaves : new int[] {1, 3}) {
                    withInputs(seed++, inputs -> {
                        Tensor grads = inputs.floats(values, shape.prepend(leaves));
                        Tensor sum = inputs.bits(DType.I64, shape.toArray());
                        Tensor overflow = inputs.bits(DType.I64, 1);
                        assertSameBits(inputs, new FixedAdd(2048, false), grads, sum, overflow);
                        assertSameBits(inputs, new FixedAdd(0.25f, false), inputs.view(grads), inputs.view(sum), overflow);
                        assertSameBits(inputs, new FixedAdd(2048, true), grads, sum, overflow);
                        assertSameBits(inputs, new FixedAdd(0.25f, true), inputs.view(grads), inputs.view(sum), overflow);
                    });
                }
            }
        }
    }

    /// Halfway cases of the rounding to units of 2^−52, on both sides of the magnitude where kernels may change their way.
    @Test void fixedAddRoundsTiesToEven() {
        withInputs(1200, inputs -> {
            Tensor grads = inputs.normal(1, 4096);
            for (int i = 0; i < 4096; i++) {
                float magnitude = i % 3 == 0 ? (2 * i + 1) * 0x1p-53f : i % 3 == 1 ? (i + 0.5f) * 0x1p-13f : Math.nextDown(0.5f) + i % 5 * 0x1p-24f;
                grads.setFloat((i & 1) == 0 ? magnitude : -magnitude, 0, i);
            }
            assertSameBits(inputs, new FixedAdd(1024, false), grads, inputs.bits(DType.I64, 4096), inputs.bits(DType.I64, 1));
            assertSameBits(inputs, new FixedAdd(1024, true), grads, inputs.bits(DType.I64, 4096), inputs.bits(DType.I64, 1));
        });
    }

    @Test void fixedMeanGivesTheReferencesBits() {
        long seed = 1300;
        for (Shape shape : SHAPES) {
            withInputs(seed++, inputs -> {
                Tensor sum = sums(inputs, shape);
                assertSameBits(inputs, new FixedMean(7), sum);
                assertSameBits(inputs, new FixedMean(8), inputs.view(sum));
                assertSameBits(inputs, new FixedMean(3), sum, sums(inputs, shape));
                assertSameBits(inputs, new FixedMean(5), inputs.view(sum), sums(inputs, shape), inputs.view(sums(inputs, shape)), sum);
            });
        }
    }

    /// Integers of every magnitude; their sums wrap around now and then, as adding does everywhere.
    private static Tensor sums(Inputs inputs, Shape shape) {
        Tensor sum = inputs.bits(DType.I64, shape.toArray());
        for (long i = 0; i < shape.size(); i++) {
            long bits = sum.data().getAtIndex(ValueLayout.JAVA_LONG, i);
            sum.data().setAtIndex(ValueLayout.JAVA_LONG, i, bits >> (bits & 63));
        }
        return sum;
    }

    @Test void randomNormalGivesTheReferencesBits() {
        everywhere(1400, new RandomNormal(0.02f, 0x123456789ABCDEFL), 1);
    }

    @Test void digestGivesTheReferencesHashesOfEveryType() {
        long seed = 1500;
        for (DType dtype : DType.values()) {
            for (Shape shape : SHAPES) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.bits(dtype, shape.toArray());
                    assertSameBits(inputs, new Digest(0), x);
                    assertSameBits(inputs, new Digest(12345678901L), inputs.view(x));
                });
            }
        }
    }

    @Test void hotOperatorsMakeNoGarbage() {
        withInputs(1600, inputs -> {
            Tensor a = inputs.normal(512, 512);
            Tensor b = inputs.normal(512, 512);
            Tensor c = inputs.normal(512, 512);
            assertNoGarbage(new Add(), a, b);
            assertNoGarbage(new Add(), inputs.view(a), b);
            assertNoGarbage(new FixedAdd(2048, true), inputs.view(inputs.normal(2, 256, 64)), inputs.bits(DType.I64, 256, 64), inputs.bits(DType.I64, 1));
            assertNoGarbage(new Axpby(1, 2), a, b);
            assertNoGarbage(new Scale(3), a);
            assertNoGarbage(new SwiGlu(), a, b);
            assertNoGarbage(new SwiGluGrad(), a, b, c);
            assertNoGarbage(new Cast(DType.BF16), a);
            assertNoGarbage(new FixedAdd(2048, false), a.reshape(4, 256, 256), inputs.bits(DType.I64, 256, 256), inputs.bits(DType.I64, 1));
            assertNoGarbage(new FixedAdd(2048, true), a.reshape(4, 256, 256), inputs.bits(DType.I64, 256, 256), inputs.bits(DType.I64, 1));
            assertNoGarbage(new FixedMean(3), inputs.bits(DType.I64, 512, 512));
            assertNoGarbage(new Digest(0), a);
            assertNoGarbage(AdamW.at(1, 1e-3, 0.9, 0.95, 1e-8, 0.1, 1f), a, b, c, inputs.floats(Values.NORMAL, c.shape()));
        });
    }
}
