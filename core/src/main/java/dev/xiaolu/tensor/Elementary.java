package dev.xiaolu.tensor;

import static dev.xiaolu.tensor.Coefficients.*;
import static java.lang.Float.floatToRawIntBits;
import static java.lang.Float.intBitsToFloat;
import static java.lang.Math.fma;

/// The elementary functions of the contract in fp32: the same operations in the same order on every backend, so the same bits.
///
/// Only add, subtract, multiply, `fma`, divide, compare and select, integer operations and scaling by powers of two; choices are selects,
/// so that a vector form does exactly this to each lane. Every NaN that comes out is `0x7FC00000`.
/// Largest errors over all 2^32 arguments, in units in the last place (`ElementaryTest` measures them):
/// exp 0.90, log 0.94, tanh 1.37, sigmoid 1.66, softplus 1.89, sin 1.50, cos 1.50.
public final class Elementary {
    private static final float INFINITY = Float.POSITIVE_INFINITY;
    private static final int SIGN = 0x80000000;

    private Elementary() {}

    /// `e^x`: +0 below −104, infinite from where it no longer fits.
    public static float exp(float x) {
        boolean low = x < EXP_LOW;                               // far below, scaling would underflow, which is slow on many processors
        float bounded = low ? 0f : x > EXP_HIGH ? EXP_HIGH : x;
        float y = low ? 0f : expOf(bounded);
        return x == x ? y : intBitsToFloat(NAN_BITS);
    }

    /// Natural logarithm: `x = 2^k · (1 + f)` with `√½ ≤ 1 + f < √2`. `log(±0)` is −∞, that of a negative number NaN.
    public static float log(float x) {
        boolean tiny = x < 0x1p-126f;                            // denormals have no leading 1 to split off
        int bits = floatToRawIntBits(tiny ? x * 0x1p23f : x);
        int k = bits - ROOT_HALF_BITS >> 23;
        float f = intBitsToFloat(bits - (k << 23)) - 1f;         // exact
        float y = logOf((float) k - (tiny ? 23f : 0f), f);
        y = x == INFINITY ? INFINITY : y;
        y = x == 0f ? -INFINITY : y;
        return x >= 0f ? y : intBitsToFloat(NAN_BITS);
    }

    /// Hyperbolic tangent: an odd polynomial near 0, else `1 − 2 / (e^2|x| + 1)` with the sign of `x`.
    public static float tanh(float x) {
        float a = intBitsToFloat(floatToRawIntBits(x) & ~SIGN);
        float u = a * a;
        float p = fma(TANH_4, u, TANH_3);
        p = fma(p, u, TANH_2);
        p = fma(p, u, TANH_1);
        p = fma(p, u, TANH_0);
        float near = fma(a * u, p, a);
        float bounded = a > TANH_HIGH ? TANH_HIGH : a;
        float far = 1f - 2f / (expOf(bounded + bounded) + 1f);
        float y = a < TANH_SMALL ? near : far;
        y = intBitsToFloat(floatToRawIntBits(y) | floatToRawIntBits(x) & SIGN);
        return x == x ? y : intBitsToFloat(NAN_BITS);
    }

    /// `1 / (1 + e^−x)`, from `z = e^−|x|` so that nothing overflows and small results keep their bits: `1 − z / (1 + z)`, times `z` for negative `x`.
    public static float sigmoid(float x) {
        float minus = intBitsToFloat(floatToRawIntBits(x) | SIGN);
        boolean low = minus < EXP_LOW;
        float z = low ? 0f : expOf(low ? 0f : minus);
        float side = x < 0f ? z : 1f;
        float y = fma(-side, z / (1f + z), side);                // less rounding than side / (1 + z)
        return x == x ? y : intBitsToFloat(NAN_BITS);
    }

    /// `log(1 + e^x) = max(x, 0) + log(1 + e^−|x|)`.
    public static float softplus(float x) {
        float minus = intBitsToFloat(floatToRawIntBits(x) | SIGN);
        boolean low = minus < EXP_LOW;
        float z = low ? 0f : expOf(low ? 0f : minus);
        boolean small = z < ROOT_TWO_LESS_ONE;                   // then 1 + z needs no halving, and z itself is exact
        float f = small ? z : fma(z, 0.5f, -0.5f);
        float y = (x > 0f ? x : 0f) + logOf(small ? 0f : 1f, f);
        return x == x ? y : intBitsToFloat(NAN_BITS);
    }

    /// Sine, for every finite argument; NaN for infinities.
    public static float sin(float x) {
        return quarterWave(x, 0, floatToRawIntBits(x) & SIGN);
    }

    /// Cosine, for every finite argument; NaN for infinities.
    public static float cos(float x) {
        return quarterWave(x, 1, 0);
    }

    /// `e^x` for `−104 ≤ x ≤ 89`: `x = n · ln 2 + r`, a polynomial in `r`, scaled by `2^n` in two steps so that a denormal result is rounded once.
    private static float expOf(float x) {
        float shifted = fma(x, LOG2E, ROUND);
        float n = shifted - ROUND;
        float r = fma(n, -LN2_0, x);                             // exact
        r = fma(n, -LN2_1, r);
        float p = fma(EXP_4, r, EXP_3);
        p = fma(p, r, EXP_2);
        p = fma(p, r, EXP_1);
        p = fma(p, r, EXP_0);
        p = fma(p, r, 1f);
        p = fma(p, r, 1f);
        int exponent = floatToRawIntBits(shifted) - floatToRawIntBits(ROUND);
        int half = exponent >> 1;
        float scaled = intBitsToFloat(floatToRawIntBits(p) + (half << 23));      // p is near 1: no overflow, nothing lost
        return scaled * intBitsToFloat(exponent - half + 127 << 23);
    }

    /// `k · ln 2 + log(1 + f)`.
    private static float logOf(float k, float f) {
        float p = fma(LOG_8, f, LOG_7);
        p = fma(p, f, LOG_6);
        p = fma(p, f, LOG_5);
        p = fma(p, f, LOG_4);
        p = fma(p, f, LOG_3);
        p = fma(p, f, LOG_2);
        p = fma(p, f, LOG_1);
        p = fma(p, f, LOG_0);
        return fma(k, LN2_0, fma(k, LN2_1, fma(f * f, p, f)));
    }

    /// The sine of `|x| + advance · π/2`, its sign flipped by `sign`.
    private static float quarterWave(float x, int advance, int sign) {
        float a = intBitsToFloat(floatToRawIntBits(x) & ~SIGN);
        float shifted = fma(a, TWO_OVER_PI, ROUND);
        float n = shifted - ROUND;
        float r = fma(n, -HALF_PI_0, a);                         // exact
        r = fma(n, -HALF_PI_1, r);
        r = fma(n, -HALF_PI_2, r);
        int quadrant = floatToRawIntBits(shifted);
        if (a > TRIG_LARGE) {
            long reduced = reduceLarge(a);
            r = intBitsToFloat((int) reduced);
            quadrant = (int) (reduced >>> 32);
        }
        quadrant += advance;
        float u = r * r;
        float s = fma(SIN_3, u, SIN_2);
        s = fma(s, u, SIN_1);
        s = fma(s, u, SIN_0);
        s = fma(r * u, s, r);
        float c = fma(COS_3, u, COS_2);
        c = fma(c, u, COS_1);
        c = fma(c, u, COS_0);
        c = fma(c, u, 1f);
        float y = (quadrant & 1) == 0 ? s : c;
        y = intBitsToFloat(floatToRawIntBits(y) ^ (quadrant & 2) << 30 ^ sign);
        return a < INFINITY ? y : intBitsToFloat(NAN_BITS);
    }

    /// Reduces a finite argument `a` from [Coefficients#TRIG_LARGE] on by integers alone (Payne and Hanek 1983): the multiples of π/2 in the upper half,
    /// modulo 4, and the bits of the rest, a float in `[−π/4, π/4]`, in the lower half. Infinities and NaN give any value.
    public static long reduceLarge(float a) {
        int bits = floatToRawIntBits(a);
        long mantissa = bits & 0x7FFFFF | 0x800000;
        int exponent = bits >>> 23 & 0xFF;
        long turns = mantissa * twoOverPi(exponent) + (mantissa * twoOverPiRest(exponent) >>> 32);   // a · 2/π modulo 4, in units of 2^−62
        long quadrant = turns + (1L << 61) >>> 62;
        long fraction = turns - (quadrant << 62);
        float first = (float) fraction;
        float second = (float) (fraction - (long) first);
        float r = fma(first, HALF_PI_0, fma(first, HALF_PI_1, second * HALF_PI_0)) * 0x1p-62f;
        return quadrant << 32 | floatToRawIntBits(r) & 0xFFFFFFFFL;
    }
}
