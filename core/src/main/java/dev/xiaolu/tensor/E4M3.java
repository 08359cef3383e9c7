package dev.xiaolu.tensor;

/// The eight-bit float of [dev.xiaolu.shape.DType#F8_E4M3]: sign, 4 exponent bits with bias 7, 3 fraction bits; no infinities.
///
/// Codes `0x00` to `0x7E` are the non-negative values in ascending order: 0, multiples of 2^−9 up to 7 · 2^−9, then normal numbers up to 448. Source: Micikevicius et al. 2022, arXiv:2209.05433.
public final class E4M3 {
    /// The largest value.
    public static final float MAX = 448;
    /// The code that [#encode] gives for NaN; `0xFF` is NaN too.
    public static final int NAN = 0x7F;

    private static final int MAX_CODE = 0x7E;
    private static final int MIN_NORMAL_BITS = Float.floatToRawIntBits(0x1p-6f);
    /// What the exponent's bias differs by, 127 − 7, in front of three fraction bits.
    private static final int REBIAS = 120 << 3;
    private static final float[] VALUES = new float[256];

    static {
        for (int code = 0; code < 256; code++) {
            VALUES[code] = value(code);
        }
    }

    private E4M3() {}

    /// The value of a code, whose bits above the eighth are ignored; exact.
    public static float decode(int code) {
        return VALUES[code & 0xFF];
    }

    private static float value(int code) {
        int exponent = code >>> 3 & 15;
        int fraction = code & 7;
        float magnitude = (code & 0x7F) == NAN ? Float.NaN : exponent == 0 ? fraction * 0x1p-9f : Float.intBitsToFloat(exponent + 120 << 23 | fraction << 20);
        return code < 0x80 ? magnitude : -magnitude;
    }

    /// The code of the nearest value, ties to the even code; magnitudes from 448 up, infinity too, give ±448, every NaN gives [#NAN].
    public static int encode(float x) {
        int bits = Float.floatToRawIntBits(x);
        int sign = bits >>> 24 & 0x80;
        int magnitude = bits & 0x7FFFFFFF;
        if (magnitude > 0x7F800000) {
            return NAN;
        }
        if (magnitude < MIN_NORMAL_BITS) {                       // multiples of 2^−9; rounding up to 8 of them is the smallest normal code
            return sign | (int) Math.rint(Math.abs(x) * 512);
        }
        int nearest = (magnitude + 0x7FFFF + (magnitude >>> 20 & 1) >>> 20) - REBIAS;
        return sign | Math.min(nearest, MAX_CODE);
    }
}
