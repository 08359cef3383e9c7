package dev.xiaolu.cpu;

import static dev.xiaolu.tensor.Coefficients.*;

import dev.xiaolu.cpu.Lanes.Mask;
import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.tensor.Elementary;

/// The functions of [Elementary] as expressions on [Lanes]: the operations of [VectorElementary], one for one.
final class LaneElementary {
    private static final int SIGN = 0x80000000;

    private LaneElementary() {}

    static Value exp(Lanes x, Value of) {
        Value zero = x.constant(0f);
        Mask low = x.less(of, x.constant(EXP_LOW));
        Value high = x.constant(EXP_HIGH);
        Value bounded = x.blend(x.blend(of, high, x.greater(of, high)), zero, low);
        return orNaN(x, x.blend(expOf(x, bounded), zero, low), x.equal(of, of));
    }

    static Value log(Lanes x, Value of) {
        Value zero = x.constant(0f);
        Mask tiny = x.less(of, x.constant(Float.MIN_NORMAL));
        Value bits = x.blend(of, x.mul(of, x.constant(0x1p23f)), tiny);
        Value k = x.shiftRight(x.subInts(bits, x.bits(ROOT_HALF_BITS)), 23);
        Value f = x.sub(x.subInts(bits, x.shiftLeft(k, 23)), x.constant(1f));
        Value shift = x.blend(zero, x.constant(23f), tiny);
        Value y = logOf(x, x.sub(x.toFloats(k), shift), f);
        Value infinity = x.constant(Float.POSITIVE_INFINITY);
        y = x.blend(y, infinity, x.equal(of, infinity));
        y = x.blend(y, x.constant(Float.NEGATIVE_INFINITY), x.equal(of, zero));
        return orNaN(x, y, x.atLeast(of, zero));
    }

    static Value sigmoid(Lanes x, Value of) {
        Value zero = x.constant(0f);
        Value one = x.constant(1f);
        Value z = expOfMinusMagnitude(x, of);
        Value side = x.blend(one, z, x.less(of, zero));
        Value y = x.minusFma(side, x.div(z, x.add(z, one)), side);
        return orNaN(x, y, x.equal(of, of));
    }

    static Value softplus(Lanes x, Value of) {
        Value zero = x.constant(0f);
        Value one = x.constant(1f);
        Value half = x.constant(0.5f);
        Value z = expOfMinusMagnitude(x, of);
        Mask small = x.less(z, x.constant(ROOT_TWO_LESS_ONE));
        Value f = x.blend(x.fmaMinus(z, half, half), z, small);
        Value positive = x.blend(zero, of, x.greater(of, zero));
        Value y = x.add(positive, logOf(x, x.blend(one, zero, small), f));
        return orNaN(x, y, x.equal(of, of));
    }

    /// Sine and cosine of angles from 0 to [dev.xiaolu.tensor.Coefficients#TRIG_LARGE].
    record Waves(Value sine, Value cosine) {}

    static Waves waves(Lanes x, Value of) {
        Value zero = x.constant(0f);
        Value one = x.constant(1f);
        Value round = x.constant(ROUND);
        Value shifted = x.fma(of, x.constant(TWO_OVER_PI), round);
        Value n = x.sub(shifted, round);
        Value r = x.fma(n, x.constant(-HALF_PI_2), x.fma(n, x.constant(-HALF_PI_1), x.fma(n, x.constant(-HALF_PI_0), of)));
        Value u = x.mul(r, r);
        Value s = x.fma(x.mul(r, u), horner(x, u, SIN_3, SIN_2, SIN_1, SIN_0), r);
        Value c = x.fma(horner(x, u, COS_3, COS_2, COS_1, COS_0), u, one);
        Value advanced = x.addInts(shifted, x.bits(1));
        return new Waves(quarter(x, s, c, shifted, zero, one), quarter(x, s, c, advanced, zero, one));
    }

    /// The sine in even quadrants, the cosine in odd ones, turned over in those whose number has the bit of value two.
    private static Value quarter(Lanes x, Value s, Value c, Value quadrant, Value zero, Value one) {
        Mask odd = x.less(x.or(x.shiftLeft(quadrant, 31), one), zero);
        Value y = x.blend(s, c, odd);
        return x.xor(y, x.shiftLeft(x.and(quadrant, x.bits(2)), 30));
    }

    /// `1 / √(squares / count + epsilon)`.
    static Value inverseRoot(Lanes x, Value squares, Value count, Value epsilon) {
        return x.div(x.constant(1f), x.sqrt(x.add(x.div(squares, count), epsilon)));
    }

    private static Value expOfMinusMagnitude(Lanes x, Value of) {
        Value zero = x.constant(0f);
        Value minus = x.or(of, x.bits(SIGN));
        Mask low = x.less(minus, x.constant(EXP_LOW));
        return x.blend(expOf(x, x.blend(minus, zero, low)), zero, low);
    }

    private static Value expOf(Lanes x, Value bounded) {
        Value one = x.constant(1f);
        Value round = x.constant(ROUND);
        Value shifted = x.fma(bounded, x.constant(LOG2E), round);
        Value n = x.sub(shifted, round);
        Value r = x.fma(n, x.constant(-LN2_1), x.fma(n, x.constant(-LN2_0), bounded));
        Value p = x.fma(x.fma(horner(x, r, EXP_4, EXP_3, EXP_2, EXP_1, EXP_0), r, one), r, one);
        Value exponent = x.subInts(shifted, round);
        Value half = x.shiftRight(exponent, 1);
        Value scaled = x.addInts(p, x.shiftLeft(half, 23));
        return x.mul(scaled, x.shiftLeft(x.addInts(x.subInts(exponent, half), x.bits(127)), 23));
    }

    private static Value logOf(Lanes x, Value k, Value f) {
        Value p = horner(x, f, LOG_8, LOG_7, LOG_6, LOG_5, LOG_4, LOG_3, LOG_2, LOG_1, LOG_0);
        return x.fma(k, x.constant(LN2_0), x.fma(k, x.constant(LN2_1), x.fma(x.mul(f, f), p, f)));
    }

    /// A polynomial, the coefficient of its highest power first.
    private static Value horner(Lanes x, Value of, float... coefficients) {
        Value p = x.constant(coefficients[0]);
        for (int i = 1; i < coefficients.length; i++) {
            p = x.fma(p, of, x.constant(coefficients[i]));
        }
        return p;
    }

    private static Value orNaN(Lanes x, Value y, Mask isNumber) {
        return x.blend(x.bits(NAN_BITS), y, isNumber);
    }
}
