package dev.xiaolu.tensor;

/// The constants of [Elementary], one table for every backend; fitted by `testkit/recorders/coefficients.py`.
///
/// A polynomial's coefficients are numbered from its lowest power.
public final class Coefficients {
    /// `1.5 · 2^23`: adding it to a float of magnitude below `2^22` rounds that to an integer, which then stands in the low bits of the sum.
    public static final float ROUND = 0x1.8p23f;
    /// The only NaN that leaves an operator.
    public static final int NAN_BITS = 0x7FC00000;

    /// `1 / ln 2`.
    public static final float LOG2E = 0x1.715476p+0f;
    /// `ln 2` as the sum of two floats.
    public static final float LN2_0 = 0x1.62e430p-1f;
    public static final float LN2_1 = -0x1.05c610p-29f;

    /// Arguments above this count as this, whose `exp` is infinite.
    public static final float EXP_HIGH = 89;
    /// Below this, `exp` is +0.
    public static final float EXP_LOW = -104;
    /// `(exp(r) − 1 − r) / r²` for `|r| ≤ ln 2 / 2`.
    public static final float EXP_0 = 0x1.fffffcp-2f;
    public static final float EXP_1 = 0x1.555492p-3f;
    public static final float EXP_2 = 0x1.5558b4p-5f;
    public static final float EXP_3 = 0x1.12399ep-7f;
    public static final float EXP_4 = 0x1.6a492cp-10f;

    /// The bits of `√½`, the lower end of the range to which `log` brings its argument.
    public static final int ROOT_HALF_BITS = 0x3F3504F3;
    /// `√2 − 1`, the upper end of that range less 1.
    public static final float ROOT_TWO_LESS_ONE = 0x1.a8279ap-2f;
    /// `(log(1 + f) − f) / f²` for `√½ ≤ 1 + f < √2`.
    public static final float LOG_0 = -0x1.000000p-1f;
    public static final float LOG_1 = 0x1.555554p-2f;
    public static final float LOG_2 = -0x1.000226p-2f;
    public static final float LOG_3 = 0x1.99a01cp-3f;
    public static final float LOG_4 = -0x1.54728ap-3f;
    public static final float LOG_5 = 0x1.22d92ep-3f;
    public static final float LOG_6 = -0x1.0d8242p-3f;
    public static final float LOG_7 = 0x1.055ec6p-3f;
    public static final float LOG_8 = -0x1.38c9dep-4f;

    /// Below this, `tanh` is a polynomial; from here on it comes from `exp`.
    public static final float TANH_SMALL = 0.625f;
    /// From here on `tanh` is 1.
    public static final float TANH_HIGH = 10;
    /// `(tanh(x) − x) / x³` in powers of `x²` for `|x| < 0.625`.
    public static final float TANH_0 = -0x1.555532p-2f;
    public static final float TANH_1 = 0x1.1106f6p-3f;
    public static final float TANH_2 = -0x1.b835a4p-5f;
    public static final float TANH_3 = 0x1.51f8cep-6f;
    public static final float TANH_4 = -0x1.750ce4p-8f;

    /// `2 / π`.
    public static final float TWO_OVER_PI = 0x1.45f306p-1f;
    /// `π / 2` as the sum of three floats.
    public static final float HALF_PI_0 = 0x1.921fb6p+0f;
    public static final float HALF_PI_1 = -0x1.777a5cp-25f;
    public static final float HALF_PI_2 = -0x1.ee59dap-50f;
    /// Up to this magnitude, three `fma` bring the argument of `sin` and `cos` into `[−π/4, π/4]`; above it, integers do.
    public static final float TRIG_LARGE = 0x1p17f;
    /// `(sin(r) − r) / r³` in powers of `r²` for `|r| ≤ π/4`.
    public static final float SIN_0 = -0x1.555556p-3f;
    public static final float SIN_1 = 0x1.111174p-7f;
    public static final float SIN_2 = -0x1.a05958p-13f;
    public static final float SIN_3 = 0x1.7c2f44p-19f;
    /// `(cos(r) − 1) / r²` in powers of `r²` for `|r| ≤ π/4`.
    public static final float COS_0 = -0x1.000000p-1f;
    public static final float COS_1 = 0x1.55554ap-5f;
    public static final float COS_2 = -0x1.6c0c2ap-10f;
    public static final float COS_3 = 0x1.99e904p-16f;

    /// The first 288 bits of `2/π` after the point, behind 32 zero bits; most significant word first.
    private static final long[] TWO_OVER_PI_WORDS = {
        0, 0xA2F9836EL, 0x4E441529L, 0xFC2757D1L, 0xF534DDC0L, 0xDB629599L, 0x3C439041L, 0xFE5163ABL, 0xDEBBC561L, 0xB7246E3AL};
    /// For each biased exponent of a float from [#TRIG_FIRST] on, the 96 bits of `2/π` that matter: those of greater weight make whole turns.
    private static final long[] TWO_OVER_PI_BITS = new long[256];
    private static final long[] TWO_OVER_PI_REST = new long[256];
    /// The smallest biased exponent with bits in that table.
    private static final int TRIG_FIRST = 150 + 2 - 32;

    static {
        for (int exponent = TRIG_FIRST; exponent < 256; exponent++) {
            int word = (exponent - TRIG_FIRST) / 32;
            int shift = (exponent - TRIG_FIRST) % 32;
            TWO_OVER_PI_BITS[exponent] = window(word, shift) << 32 | window(word + 1, shift);
            TWO_OVER_PI_REST[exponent] = window(word + 2, shift);
        }
    }

    private Coefficients() {}

    /// The upper 64 bits for a biased exponent.
    public static long twoOverPi(int exponent) {
        return TWO_OVER_PI_BITS[exponent];
    }

    /// The 32 bits that follow.
    public static long twoOverPiRest(int exponent) {
        return TWO_OVER_PI_REST[exponent];
    }

    /// 32 bits of `2/π` from bit `shift` of word `word` on.
    private static long window(int word, int shift) {
        return (TWO_OVER_PI_WORDS[word] << 32 | TWO_OVER_PI_WORDS[word + 1]) << shift >>> 32;
    }
}
