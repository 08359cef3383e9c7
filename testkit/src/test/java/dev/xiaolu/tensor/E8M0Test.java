package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.testkit.Golden;
import java.math.BigDecimal;
import org.junit.jupiter.api.Test;

class E8M0Test {
    @Test void everyCodeHasTheValueThatPyTorchGivesIt() {
        float[] wanted = Golden.open("float8").tensor("values", "e8m0").toFloats();
        for (int code = 0; code < 256; code++) {
            assertEquals(Float.floatToIntBits(wanted[code]), Float.floatToIntBits(E8M0.decode(code)), "code " + code);
        }
    }

    /// Magnitudes right at, below and above `max · 2^k` for every `k`, and a grid of all others, in exact decimals.
    @Test void theScaleIsTheSmallestPowerOfTwoThatHoldsTheLargestMagnitude() {
        for (float max : new float[] {E4M3.MAX, E2M1.MAX, 2, 127}) {
            for (int power = -149; power < 128; power++) {
                float edge = Math.scalb(max, power);
                if (edge < Float.POSITIVE_INFINITY) {
                    check(edge, max);
                    check(Math.nextUp(edge), max);
                    check(Math.max(0, Math.nextDown(edge)), max);
                }
            }
            for (int bits = 0; bits < 0x7F800000; bits += 999_983) {
                check(Float.intBitsToFloat(bits), max);
            }
            check(Float.MAX_VALUE, max);
        }
    }

    private static void check(float largest, float max) {
        if (largest == Float.POSITIVE_INFINITY) {
            return;
        }
        int code = E8M0.code(largest, max);
        var limit = new BigDecimal(max).multiply(new BigDecimal(E8M0.decode(code)));
        assertTrue(new BigDecimal(largest).compareTo(limit) <= 0, () -> "%s by %s: 2^%d is too small".formatted(Float.toHexString(largest), max, code - 127));
        assertTrue(code == 0 || new BigDecimal(largest).add(new BigDecimal(largest)).compareTo(limit) > 0,
                () -> "%s by %s: 2^%d is too large".formatted(Float.toHexString(largest), max, code - 127));
    }

    @Test void aDamagedBlockHasTheScaleNaN() {
        assertEquals(E8M0.NAN, E8M0.code(Float.NaN, 448));
        assertEquals(E8M0.NAN, E8M0.code(Float.POSITIVE_INFINITY, 448));
    }
}
