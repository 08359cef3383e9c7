package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperExpandGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.Inputs.Values;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/// What every backend's hyper-connections must do: give the reference's bits, whatever the number of streams and tokens.
public abstract class HyperContract extends OperatorContract {
    private static final int[] LENGTHS = {1, 7, 15, 17, 31, 33, 255, 256, 257, 1000};
    private static final int[] TOKENS = {0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 100};
    private static final int[] STREAMS = {1, 2, 3, 4, 5};

    @Test void unitNormGivesTheReferencesBits() {
        long seed = 5000;
        for (Values values : Values.values()) {
            for (int hidden : LENGTHS) {
                withInputs(seed++, inputs -> {
                    Tensor x = inputs.floats(values, Shape.of(2, 13, hidden));
                    Tensor dy = inputs.normal(2, 13, hidden);
                    assertSameBits(inputs, new UnitNorm(1e-6f), x);
                    assertSameBits(inputs, new UnitNorm(1e-5f), inputs.view(x));
                    assertSameBits(inputs, new UnitNormGrad(1e-6f), x, dy);
                    assertSameBits(inputs, new UnitNormGrad(1e-5f), inputs.view(x), inputs.view(dy));
                });
            }
        }
    }

    @Test void gatesGiveTheReferencesBits() {
        long seed = 5100;
        for (Values values : Values.values()) {
            for (int n : STREAMS) {
                for (int tokens : TOKENS) {
                    withInputs(seed++, inputs -> {
                        Tensor m = inputs.floats(values, Shape.of(tokens, n * (n + 2)));
                        Tensor base = inputs.normal(n * (n + 2));
                        Tensor scale = inputs.normal(3);
                        assertSameBits(inputs, new HyperGates(20, 1e-6f), m, base, scale);
                        assertSameBits(inputs, new HyperGates(1, 1e-3f), inputs.view(m), base, scale);
                    });
                }
            }
        }
    }

    @Test void gradientsOfGatesGiveTheReferencesBits() {
        long seed = 5400;
        for (Values values : Values.values()) {
            for (int n : STREAMS) {
                for (int tokens : TOKENS) {
                    withInputs(seed++, inputs -> {
                        Tensor m = inputs.floats(values, Shape.of(2, tokens, n * (n + 2)));
                        Tensor base = inputs.normal(n * (n + 2));
                        Tensor scale = inputs.normal(3);
                        Tensor dpre = inputs.normal(2, tokens, n);
                        Tensor dpost = inputs.normal(2, tokens, n);
                        Tensor dcomb = inputs.normal(2, tokens, n, n);
                        assertSameBits(inputs, new HyperGatesGrad(20, 1e-6f, 2), m, base, scale, dpre, dpost, dcomb);
                        assertSameBits(inputs, new HyperGatesGrad(2, 1e-3f, 1), inputs.view(m), base, scale, inputs.view(dpre), inputs.view(dpost), inputs.view(dcomb));
                    });
                }
            }
        }
    }

    @Test void gatesOfTheHeadGiveTheReferencesBits() {
        long seed = 5700;
        for (Values values : Values.values()) {
            for (int n : STREAMS) {
                for (int tokens : TOKENS) {
                    withInputs(seed++, inputs -> {
                        Tensor m = inputs.floats(values, Shape.of(2, tokens, n));
                        Tensor base = inputs.normal(n);
                        Tensor scale = inputs.normal(1);
                        Tensor dpre = inputs.normal(2, tokens, n);
                        assertSameBits(inputs, new HyperHeadGates(1e-6f), m, base, scale);
                        assertSameBits(inputs, new HyperHeadGates(1e-6f), inputs.view(m), base, scale);
                        assertSameBits(inputs, new HyperHeadGatesGrad(2), m, base, scale, dpre);
                        assertSameBits(inputs, new HyperHeadGatesGrad(1), inputs.view(m), base, scale, inputs.view(dpre));
                    });
                }
            }
        }
    }

    /// Sums over rows: one leaf of rows, a leaf and one row, and trees with a missing child.
    @Test void gradientsOfBaseAndScaleSumRowsInLeavesAndTrees() {
        long seed = 5900;
        for (int rows : new int[] {256, 257, 600, 1300}) {
            withInputs(seed++, inputs -> {
                Tensor m = inputs.normal(2, rows, 8);
                Tensor[] rest = {inputs.normal(8), inputs.normal(3), inputs.normal(2, rows, 2), inputs.normal(2, rows, 2), inputs.normal(2, rows, 2, 2)};
                for (int leaves : new int[] {1, 2}) {
                    assertSameBits(inputs, new HyperGatesGrad(3, 1e-6f, leaves), m, rest[0], rest[1], rest[2], rest[3], rest[4]);
                    assertSameBits(inputs, new HyperHeadGatesGrad(leaves), m, inputs.normal(8), inputs.normal(1), inputs.normal(2, rows, 8));
                }
            });
        }
    }

    @Test void readingAndMixingStreamsGiveTheReferencesBits() {
        long seed = 6000;
        for (Values values : Values.values()) {
            for (int n : STREAMS) {
                for (int hidden : LENGTHS) {
                    withInputs(seed++, inputs -> {
                        Tensor x = inputs.floats(values, Shape.of(2, 3, n, hidden));
                        Tensor y = inputs.normal(2, 3, hidden);
                        Tensor pre = inputs.normal(2, 3, n);
                        Tensor comb = inputs.normal(2, 3, n, n);
                        Tensor dmixed = inputs.normal(2, 3, n, hidden);
                        assertSameBits(inputs, new HyperExpand(n), y);
                        assertSameBits(inputs, new HyperExpand(n), inputs.view(y));
                        assertSameBits(inputs, new HyperExpandGrad(), x);
                        assertSameBits(inputs, new HyperExpandGrad(), inputs.view(x));
                        assertSameBits(inputs, new HyperCollapse(), pre, x);
                        assertSameBits(inputs, new HyperCollapse(), inputs.view(pre), inputs.view(x));
                        assertSameBits(inputs, new HyperCollapseGrad(), pre, x, y);
                        assertSameBits(inputs, new HyperCollapseGrad(), inputs.view(pre), inputs.view(x), inputs.view(y));
                        assertSameBits(inputs, new HyperMix(), x, y, pre, comb);
                        assertSameBits(inputs, new HyperMix(), inputs.view(x), inputs.view(y), inputs.view(pre), inputs.view(comb));
                        assertSameBits(inputs, new HyperMixGrad(), x, y, pre, comb, dmixed);
                        assertSameBits(inputs, new HyperMixGrad(), inputs.view(x), inputs.view(y), inputs.view(pre), inputs.view(comb), inputs.view(dmixed));
                    });
                }
            }
        }
    }

    @Test void noTokensGiveNothing() {
        withInputs(6300, inputs -> {
            assertSameBits(inputs, new UnitNorm(1e-6f), inputs.normal(0, 8));
            assertSameBits(inputs, new HyperCollapse(), inputs.normal(0, 4), inputs.normal(0, 4, 8));
            assertSameBits(inputs, new HyperMix(), inputs.normal(0, 4, 8), inputs.normal(0, 8), inputs.normal(0, 4), inputs.normal(0, 4, 4));
        });
    }

    /// The sum runs over the first index of `comb`, which no symmetric matrix would show.
    @Test void mixSumsOverTheFirstIndexOfComb() {
        withInputs(6310, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor x = Tensor.of(arena, Shape.of(2, 1), 1f, 10f);
                Tensor y = Tensor.of(arena, Shape.of(1), 100f);
                Tensor post = Tensor.of(arena, Shape.of(2), 1f, 2f);
                Tensor comb = Tensor.of(arena, Shape.of(2, 2), 1f, 2f, 3f, 4f);
                assertArrayEquals(new float[] {100 + 1 + 30, 200 + 2 + 40}, runBackend(arena, new HyperMix(), x, y, post, comb)[0].toFloats());
            }
        });
    }

    /// With `epsilon` small and iterations enough, rows and columns of `comb` add up to 1.
    @Test void combIsDoublyStochastic() {
        withInputs(6320, inputs -> {
            try (Arena arena = Arena.ofShared()) {
                Tensor comb = runBackend(arena, new HyperGates(20, 1e-6f), inputs.normal(50, 24), inputs.normal(24), inputs.normal(3))[2];
                for (int token = 0; token < 50; token++) {
                    for (int line = 0; line < 4; line++) {
                        float row = 0;
                        float column = 0;
                        for (int i = 0; i < 4; i++) {
                            row += comb.getFloat(token, line, i);
                            column += comb.getFloat(token, i, line);
                        }
                        assertEquals(1, row, 1e-2, "row " + line + " of token " + token);
                        assertEquals(1, column, 1e-5, "column " + line + " of token " + token);
                    }
                }
            }
        });
    }

    @Test void hotOperatorsMakeNoGarbage() {
        withInputs(6330, inputs -> {
            Tensor x = inputs.normal(128, 4, 256);
            Tensor y = inputs.normal(128, 256);
            Tensor pre = inputs.normal(128, 4);
            Tensor comb = inputs.normal(128, 4, 4);
            Tensor m = inputs.normal(128, 24);
            assertNoGarbage(new UnitNorm(1e-6f), y);
            assertNoGarbage(new UnitNormGrad(1e-6f), y, inputs.normal(128, 256));
            assertNoGarbage(new HyperGates(20, 1e-6f), m, inputs.normal(24), inputs.normal(3));
            assertNoGarbage(new HyperGatesGrad(20, 1e-6f, 2), m, inputs.normal(24), inputs.normal(3), pre, inputs.normal(128, 4), comb);
            assertNoGarbage(new HyperHeadGates(1e-6f), pre, inputs.normal(4), inputs.normal(1));
            assertNoGarbage(new HyperHeadGatesGrad(2), pre, inputs.normal(4), inputs.normal(1), inputs.normal(128, 4));
            assertNoGarbage(new HyperExpand(4), y);
            assertNoGarbage(new HyperExpandGrad(), x);
            assertNoGarbage(new HyperCollapse(), pre, x);
            assertNoGarbage(new HyperCollapseGrad(), pre, x, y);
            assertNoGarbage(new HyperMix(), x, y, pre, comb);
            assertNoGarbage(new HyperMixGrad(), x, y, pre, comb, inputs.normal(128, 4, 256));
        });
    }
}
