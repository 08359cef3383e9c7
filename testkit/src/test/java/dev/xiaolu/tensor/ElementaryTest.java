package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.testkit.ElementaryFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The scalar functions against double precision: every 4099th argument, or all 2^32 with `-Dxiaolu.exhaustive=true` (half an hour).
/// The digests that `VectorElementaryTest` checks hold the bits of all the others.
class ElementaryTest {
    private static final long STEP = Boolean.getBoolean("xiaolu.exhaustive") ? 1 : 4099;

    @ParameterizedTest @EnumSource
    void errorsStayWithinTheBound(ElementaryFunction function) {
        for (long bits = 0; bits < 1L << 32; bits += STEP) {
            float x = Float.intBitsToFloat((int) bits);
            float y = function.scalar.at(x);
            double error = function.error(x, y);
            assertTrue(error <= function.largestError,
                    () -> "%s(%s) = %s is %.3f units off %s, wanted at most %s".formatted(function, x, y, error, function.wide.at(x), function.largestError));
        }
    }

    @Test void exactValuesAreExact() {
        assertBits(1, Elementary.exp(0));
        assertBits(1, Elementary.exp(-0f));
        assertBits(0f, Elementary.exp(Float.NEGATIVE_INFINITY));
        assertBits(0f, Elementary.log(1));
        assertBits(Float.NEGATIVE_INFINITY, Elementary.log(-0f));
        assertBits(-0f, Elementary.tanh(-0f));
        assertBits(-1, Elementary.tanh(Float.NEGATIVE_INFINITY));
        assertBits(0.5f, Elementary.sigmoid(0));
        assertBits(0.5f, Elementary.sigmoid(-0f));
        assertBits(-0f, Elementary.sin(-0f));
        assertBits(1, Elementary.cos(0));
        assertBits(Float.MIN_VALUE, Elementary.tanh(Float.MIN_VALUE));
        assertBits(Float.MIN_VALUE, Elementary.sin(Float.MIN_VALUE));
    }

    @Test void tinyAndHugeResultsOfExpAreRoundedOnce() {
        assertBits(Float.MIN_VALUE, Elementary.exp(-103.5f));
        assertBits(0f, Elementary.exp(-103.98f));
        assertBits((float) StrictMath.exp(-95.25), Elementary.exp(-95.25f));
        assertBits(Float.POSITIVE_INFINITY, Elementary.exp(88.72284f));
        assertTrue(Elementary.exp(88.72283f) < Float.POSITIVE_INFINITY);
    }

    @Test void everyNanThatComesOutIsTheCanonicalOne() {
        for (ElementaryFunction function : ElementaryFunction.values()) {
            for (int bits : new int[] {0x7F800001, 0x7FC00001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF}) {
                assertEquals(0x7FC00000, Float.floatToRawIntBits(function.scalar.at(Float.intBitsToFloat(bits))), function.name());
            }
        }
        assertEquals(0x7FC00000, Float.floatToRawIntBits(Elementary.log(-1)));
        assertEquals(0x7FC00000, Float.floatToRawIntBits(Elementary.sin(Float.POSITIVE_INFINITY)));
        assertEquals(0x7FC00000, Float.floatToRawIntBits(Elementary.cos(Float.NEGATIVE_INFINITY)));
    }

    /// Where the two ways of reducing the argument of sine and cosine meet, and the argument nearest to a multiple of π/2.
    @Test void sineAndCosineAreGoodAtTheirHardestArguments() {
        float hardest = 16367173 * 0x1p72f;
        for (float x : new float[] {0x1p17f, Math.nextUp(0x1p17f), hardest, Float.MAX_VALUE, 1.5707964f, 355}) {
            assertTrue(ElementaryFunction.SIN.error(x, Elementary.sin(x)) <= ElementaryFunction.SIN.largestError, "sin " + x);
            assertTrue(ElementaryFunction.COS.error(x, Elementary.cos(x)) <= ElementaryFunction.COS.largestError, "cos " + x);
        }
    }

    private static void assertBits(float wanted, float found) {
        assertEquals(Float.floatToRawIntBits(wanted), Float.floatToRawIntBits(found), () -> "wanted " + wanted + ", found " + found);
    }
}
