package dev.xiaolu.tensor;

/// The scale of a block, [dev.xiaolu.shape.DType#F8_E8M0]: a code from 0 to 254 is `2^(code − 127)`, 255 is NaN.
///
/// Source: OCP Microscaling Formats 1.0, 2023.
public final class E8M0 {
    /// The code of NaN.
    public static final int NAN = 255;

    private static final int FRACTION = 0x7FFFFF;

    private E8M0() {}

    /// The value of a code, whose bits above the eighth are ignored; exact, and denormal for code 0.
    public static float decode(int code) {
        int exponent = code & 0xFF;
        return exponent == NAN ? Float.NaN : Float.intBitsToFloat(exponent == 0 ? 1 << 22 : exponent << 23);
    }

    /// The smallest power of two `s` with `largest ≤ max · s`, that is `2^ceil(log2(largest / max))` without a rounding anywhere.
    ///
    /// With significands from 1 up to 2 and exponents, `largest / max` is `(f / g) · 2^(e − h)`: the power is `2^(e − h)`, or the next one where `f > g`.
    /// Below `2^−127` the code is 0; where `largest` is infinite or NaN the code is [#NAN], so that a damaged block never looks sound.
    ///
    /// @param largest not negative: the largest magnitude of the block, or the floor under it
    /// @param max     the largest value of the elements' type, at least 2, so that every finite block has a scale
    public static int code(float largest, float max) {
        if (!(largest < Float.POSITIVE_INFINITY)) {
            return NAN;
        }
        if (largest < Float.MIN_NORMAL) {                        // a normal number 2^24 times as large; exact
            return Math.max(0, exact(largest * 0x1p24f, max) - 24);
        }
        return Math.max(0, exact(largest, max));
    }

    private static int exact(float largest, float max) {
        int a = Float.floatToRawIntBits(largest);
        int b = Float.floatToRawIntBits(max);
        if (a == 0) {
            return 0;
        }
        return (a >>> 23) - (b >>> 23) + 127 + ((a & FRACTION) > (b & FRACTION) ? 1 : 0);
    }
}
