package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class E2M1Test {
    @Test void theSixteenCodesHaveTheirPublishedValues() {
        float[] found = new float[16];
        for (int code = 0; code < 16; code++) {
            found[code] = E2M1.decode(code);
        }
        assertArrayEquals(new float[] {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6}, found);
        assertEquals(0, Float.floatToRawIntBits(found[8]), "the zero of code 8 has no sign");
    }

    /// A grid of 2^−10 holds every value and every tie.
    @Test void everyNumberGoesToTheNearestCodeAndTiesToTheEvenOne() {
        for (int i = -8192; i <= 8192; i++) {
            float x = i * 0x1p-10f;
            int nearest = 0;
            for (int code = 1; code < 8; code++) {
                float gain = Math.abs(Math.abs(x) - E2M1.decode(nearest)) - Math.abs(Math.abs(x) - E2M1.decode(code));
                if (gain > 0 || gain == 0 && (code & 1) == 0) {
                    nearest = code;
                }
            }
            assertEquals(nearest == 0 || x > 0 ? nearest : nearest | 8, E2M1.encode(x), Float.toString(x));
        }
    }

    @Test void numbersRightBesideATieGoToTheirSide() {
        for (int code = 0; code < 7; code++) {
            float tie = (E2M1.decode(code) + E2M1.decode(code + 1)) / 2;
            assertEquals(code, E2M1.encode(Math.nextDown(tie)));
            assertEquals(code + 1, E2M1.encode(Math.nextUp(tie)));
        }
    }

    @Test void whatLiesBeyondIsSixAndNaNIsZero() {
        assertEquals(7, E2M1.encode(Float.POSITIVE_INFINITY));
        assertEquals(15, E2M1.encode(-1e30f));
        assertEquals(0, E2M1.encode(Float.NaN));
        assertEquals(0, E2M1.encode(-0f));
        assertEquals(0, E2M1.encode(-Float.MIN_VALUE));
    }
}
