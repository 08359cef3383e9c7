package dev.xiaolu.tensor;

/// The four-bit float of MXFP4: sign, 2 exponent bits with bias 1, 1 fraction bit. Codes 0 to 7 are 0, 0.5, 1, 1.5, 2, 3, 4, 6.
///
/// In files two codes share a byte: the even index in the low four bits. Source: OCP Microscaling Formats 1.0, 2023.
public final class E2M1 {
    /// The largest value.
    public static final float MAX = 6;

    private static final float[] VALUES = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};

    private E2M1() {}

    /// The value of a code, whose bits above the fourth are ignored; exact. Code 8, which would be −0, is 0.
    public static float decode(int code) {
        return VALUES[code & 15];
    }

    /// The code of the nearest value, ties to the even code; magnitudes from 6 up, infinity too, give ±6. What rounds to zero gives 0 whatever its sign,
    /// so code 8 is never made; neither is NaN, which the type lacks: it gives 0, and the block's scale has to tell of it.
    public static int encode(float x) {
        float magnitude = Math.abs(x);
        int code;
        if (magnitude <= 2) {
            code = (int) Math.rint(2 * magnitude);               // steps of one half
        } else if (magnitude <= 4) {
            code = 2 + (int) Math.rint(magnitude);               // steps of one
        } else if (magnitude > 4) {
            code = magnitude > 5 ? 7 : 6;                        // 5 is a tie, and 6 is the even code
        } else {
            return 0;                                            // NaN
        }
        return code == 0 || x > 0 ? code : code | 8;
    }
}
