package dev.xiaolu.testkit;

import dev.xiaolu.tensor.Elementary;

/// The elementary functions with what a test must know of each: the scalar form, a double to measure it by, the largest error, and the digest of all its values.
///
/// The digest is that of [dev.xiaolu.op.Digest] over `f(x)` for all 2^32 bit patterns `x` in ascending order as unsigned integers. The errors are the largest
/// over all of them, in units in the last place of F32, rounded up: a form with this digest has no larger one.
public enum ElementaryFunction {
    EXP(Elementary::exp, StrictMath::exp, 0.90, 0x755926A19D7C03CFL, 0x9B7C6D8BE13B18C9L),
    LOG(Elementary::log, StrictMath::log, 0.94, 0x2905EBCD43A44FA5L, 0x3B4F92BFC732829FL),
    TANH(Elementary::tanh, StrictMath::tanh, 1.37, 0x5D2951D92D19C866L, 0x40D9F9DC2A00BA30L),
    SIGMOID(Elementary::sigmoid, ElementaryFunction::sigmoid, 1.66, 0xF9F6965FA7CE32F4L, 0x8128C0F947A26A0EL),
    SOFTPLUS(Elementary::softplus, ElementaryFunction::softplus, 1.89, 0xBFB9749E81098950L, 0xA16CF9ADAA97976EL),
    SIN(Elementary::sin, StrictMath::sin, 1.50, 0x8ED74A6CBB12FDC4L, 0x7541F5A6B01B1D3EL),
    COS(Elementary::cos, StrictMath::cos, 1.50, 0x3D44E148B216FA7CL, 0x8CD9EB9C403FA0EEL);

    /// A function of one float.
    @FunctionalInterface
    public interface Scalar {
        float at(float x);
    }

    /// A function of one double.
    @FunctionalInterface
    public interface Wide {
        double at(double x);
    }

    /// The form of [Elementary].
    public final Scalar scalar;
    /// The same in double precision, good to far less than an F32's last place.
    public final Wide wide;
    /// The largest error, in units in the last place.
    public final double largestError;
    private final long digest0;
    private final long digest1;

    ElementaryFunction(Scalar scalar, Wide wide, double largestError, long digest0, long digest1) {
        this.scalar = scalar;
        this.wide = wide;
        this.largestError = largestError;
        this.digest0 = digest0;
        this.digest1 = digest1;
    }

    /// The committed digest over all arguments, as hex.
    public String digest() {
        return hex(digest0, digest1);
    }

    /// Both words of a digest as hex.
    public static String hex(long digest0, long digest1) {
        return "%016x%016x".formatted(digest0, digest1);
    }

    /// The error of `found` as a value at `x`, in units in the last place of F32; infinite where one is NaN or infinite and the other is not.
    public double error(float x, float found) {
        double exact = wide.at(x);
        if (Double.isNaN(exact)) {
            return Float.floatToRawIntBits(found) == 0x7FC00000 ? 0 : Double.POSITIVE_INFINITY;
        }
        if (Float.isInfinite((float) exact) || Float.isInfinite(found)) {
            return found == (float) exact ? 0 : Double.POSITIVE_INFINITY;
        }
        if (exact == 0) {
            return Float.floatToRawIntBits(found) == Float.floatToRawIntBits((float) exact) ? 0 : Double.POSITIVE_INFINITY;
        }
        return Math.abs(found - exact) / Math.scalb(1.0, Math.max(Math.getExponent(exact), Float.MIN_EXPONENT) - 23);
    }

    private static double sigmoid(double x) {
        double z = StrictMath.exp(-Math.abs(x));
        return (x < 0 ? z : 1) / (1 + z);
    }

    private static double softplus(double x) {
        return (x > 0 ? x : 0) + StrictMath.log1p(StrictMath.exp(x > 0 ? -x : x));
    }
}
