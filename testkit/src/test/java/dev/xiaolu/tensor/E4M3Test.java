package dev.xiaolu.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.testkit.Golden;
import org.junit.jupiter.api.Test;

class E4M3Test {
    private static final Golden GOLDEN = Golden.open("float8");

    private static boolean isNaN(int code) {
        return (code & 0x7F) == E4M3.NAN;
    }

    @Test void everyCodeHasTheValueThatPyTorchGivesIt() {
        float[] wanted = GOLDEN.tensor("values", "e4m3").toFloats();
        for (int code = 0; code < 256; code++) {
            assertEquals(Float.floatToIntBits(wanted[code]), Float.floatToIntBits(E4M3.decode(code)), "code " + code);
        }
    }

    @Test void valuesRoundToTheCodesOfPyTorch() {
        float[] x = GOLDEN.tensor("rounded", "x").toFloats();
        Tensor wanted = GOLDEN.tensor("rounded", "codes");
        int nans = 0;
        for (int i = 0; i < x.length; i++) {
            int code = E4M3.encode(x[i]);
            if (Float.isNaN(x[i])) {
                assertTrue(isNaN(code) && isNaN(wanted.getInt(i)));
                nans++;
            } else {
                assertEquals(wanted.getInt(i), code, Float.toHexString(x[i]));
            }
        }
        assertTrue(nans > 0 && x.length > 3000, "the golden holds NaN and the ties");
    }

    @Test void everyValueKeepsItsCode() {
        for (int code = 0; code < 256; code++) {
            assertEquals(isNaN(code) ? E4M3.NAN : code, E4M3.encode(E4M3.decode(code)));
        }
    }

    /// All binary32 numbers of a fine grid against the nearest of the table, found by comparing distances in double precision.
    @Test void everyNumberGoesToTheNearestCodeAndTiesToTheEvenOne() {
        for (int bits = 0; bits < 0x43E80000; bits += 4999) {    // up to 464, which is the tie that still belongs to 448
            float x = Float.intBitsToFloat(bits);
            int code = E4M3.encode(x);
            double own = Math.abs((double) x - E4M3.decode(code));
            for (int other : new int[] {Math.max(0, code - 1), Math.min(0x7E, code + 1)}) {
                double distance = Math.abs((double) x - E4M3.decode(other));
                assertTrue(own < distance || other == code || own == distance && (code & 1) == 0, Float.toHexString(x));
            }
            assertEquals(code | 0x80, E4M3.encode(-x));
        }
    }
}
