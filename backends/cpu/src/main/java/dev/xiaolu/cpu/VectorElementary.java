package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.INTS;
import static dev.xiaolu.tensor.Coefficients.*;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.XOR;

import dev.xiaolu.tensor.Elementary;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/// The functions of [Elementary] on vectors: each lane gets its very operations, so its bits.
///
/// Static methods that the compiler is told to inline into the loops that call them, so that no vector becomes an object. It does so only while the graph of what it compiles
/// is small (18,000 nodes), whatever it is told: hence constants are vectors already, there are no helpers for single operations, and a loop that calls one of these is a method
/// whose name ends in `Loop`, which the launcher's options let the compiler inline nowhere, so that each begins with a graph of its own.
final class VectorElementary {
    private static final FloatVector ZERO = of(0f);
    private static final FloatVector HALF = of(0.5f);
    private static final FloatVector ONE = of(1f);
    private static final FloatVector TWO = of(2f);
    private static final FloatVector INFINITY = of(Float.POSITIVE_INFINITY);
    private static final FloatVector MINUS_INFINITY = of(Float.NEGATIVE_INFINITY);
    private static final FloatVector NAN = of(Float.intBitsToFloat(NAN_BITS));
    private static final IntVector SIGN = of(0x80000000);
    private static final IntVector MAGNITUDE = of(0x7FFFFFFF);
    private static final IntVector BIAS = of(127);
    private static final FloatVector SHIFT = of(ROUND);
    private static final IntVector SHIFT_BITS = of(Float.floatToRawIntBits(ROUND));

    private static final FloatVector HIGH = of(EXP_HIGH);
    private static final FloatVector LOW = of(EXP_LOW);
    private static final FloatVector PER_LN2 = of(LOG2E);
    private static final FloatVector MINUS_LN2_0 = of(-LN2_0);
    private static final FloatVector MINUS_LN2_1 = of(-LN2_1);
    private static final FloatVector E0 = of(EXP_0);
    private static final FloatVector E1 = of(EXP_1);
    private static final FloatVector E2 = of(EXP_2);
    private static final FloatVector E3 = of(EXP_3);
    private static final FloatVector E4 = of(EXP_4);

    private static final FloatVector SMALLEST_NORMAL = of(Float.MIN_NORMAL);
    private static final FloatVector DENORMAL_SCALE = of(0x1p23f);
    private static final FloatVector DENORMAL_SHIFT = of(23f);
    private static final IntVector ROOT_HALF = of(ROOT_HALF_BITS);
    private static final FloatVector ROOT_TWO = of(ROOT_TWO_LESS_ONE);
    private static final FloatVector PLUS_LN2_0 = of(LN2_0);
    private static final FloatVector PLUS_LN2_1 = of(LN2_1);
    private static final FloatVector L0 = of(LOG_0);
    private static final FloatVector L1 = of(LOG_1);
    private static final FloatVector L2 = of(LOG_2);
    private static final FloatVector L3 = of(LOG_3);
    private static final FloatVector L4 = of(LOG_4);
    private static final FloatVector L5 = of(LOG_5);
    private static final FloatVector L6 = of(LOG_6);
    private static final FloatVector L7 = of(LOG_7);
    private static final FloatVector L8 = of(LOG_8);

    private static final FloatVector NEAR = of(TANH_SMALL);
    private static final FloatVector FAR = of(TANH_HIGH);
    private static final FloatVector T0 = of(TANH_0);
    private static final FloatVector T1 = of(TANH_1);
    private static final FloatVector T2 = of(TANH_2);
    private static final FloatVector T3 = of(TANH_3);
    private static final FloatVector T4 = of(TANH_4);

    private static final FloatVector LARGE = of(TRIG_LARGE);
    private static final FloatVector PER_HALF_PI = of(TWO_OVER_PI);
    private static final FloatVector MINUS_HALF_PI_0 = of(-HALF_PI_0);
    private static final FloatVector MINUS_HALF_PI_1 = of(-HALF_PI_1);
    private static final FloatVector MINUS_HALF_PI_2 = of(-HALF_PI_2);
    private static final FloatVector S0 = of(SIN_0);
    private static final FloatVector S1 = of(SIN_1);
    private static final FloatVector S2 = of(SIN_2);
    private static final FloatVector S3 = of(SIN_3);
    private static final FloatVector C0 = of(COS_0);
    private static final FloatVector C1 = of(COS_1);
    private static final FloatVector C2 = of(COS_2);
    private static final FloatVector C3 = of(COS_3);

    private VectorElementary() {}

    static FloatVector exp(FloatVector x) {
        VectorMask<Float> low = x.compare(LT, LOW);
        FloatVector bounded = x.blend(HIGH, x.compare(GT, HIGH)).blend(ZERO, low);
        return NAN.blend(expOf(bounded).blend(ZERO, low), x.compare(EQ, x));
    }

    static FloatVector log(FloatVector x) {
        VectorMask<Float> tiny = x.compare(LT, SMALLEST_NORMAL);
        IntVector bits = x.blend(x.mul(DENORMAL_SCALE), tiny).reinterpretAsInts();
        IntVector k = bits.sub(ROOT_HALF).lanewise(ASHR, 23);
        FloatVector f = bits.sub(k.lanewise(LSHL, 23)).reinterpretAsFloats().sub(ONE);
        FloatVector y = logOf(((FloatVector) k.convert(I2F, 0)).sub(ZERO.blend(DENORMAL_SHIFT, tiny)), f);
        y = y.blend(INFINITY, x.compare(EQ, INFINITY));
        y = y.blend(MINUS_INFINITY, x.compare(EQ, ZERO));
        return NAN.blend(y, x.compare(GE, ZERO));
    }

    static FloatVector tanh(FloatVector x) {
        FloatVector a = x.reinterpretAsInts().and(MAGNITUDE).reinterpretAsFloats();
        FloatVector u = a.mul(a);
        FloatVector near = a.mul(u).fma(T4.fma(u, T3).fma(u, T2).fma(u, T1).fma(u, T0), a);
        FloatVector bounded = a.blend(FAR, a.compare(GT, FAR));
        FloatVector far = ONE.sub(TWO.div(expOf(bounded.add(bounded)).add(ONE)));
        FloatVector y = far.blend(near, a.compare(LT, NEAR));
        y = y.reinterpretAsInts().or(x.reinterpretAsInts().and(SIGN)).reinterpretAsFloats();
        return NAN.blend(y, x.compare(EQ, x));
    }

    static FloatVector sigmoid(FloatVector x) {
        FloatVector minus = x.reinterpretAsInts().or(SIGN).reinterpretAsFloats();
        VectorMask<Float> low = minus.compare(LT, LOW);
        FloatVector z = expOf(minus.blend(ZERO, low)).blend(ZERO, low);
        FloatVector side = ONE.blend(z, x.compare(LT, ZERO));
        FloatVector y = side.neg().fma(z.div(z.add(ONE)), side);
        return NAN.blend(y, x.compare(EQ, x));
    }

    static FloatVector softplus(FloatVector x) {
        FloatVector minus = x.reinterpretAsInts().or(SIGN).reinterpretAsFloats();
        VectorMask<Float> low = minus.compare(LT, LOW);
        FloatVector z = expOf(minus.blend(ZERO, low)).blend(ZERO, low);
        VectorMask<Float> small = z.compare(LT, ROOT_TWO);
        FloatVector f = z.fma(HALF, HALF.neg()).blend(z, small);
        FloatVector y = ZERO.blend(x, x.compare(GT, ZERO)).add(logOf(ONE.blend(ZERO, small), f));
        return NAN.blend(y, x.compare(EQ, x));
    }

    static FloatVector sin(FloatVector x) {
        return quarterWave(x, 0, x.reinterpretAsInts().and(SIGN));
    }

    static FloatVector cos(FloatVector x) {
        return quarterWave(x, 1, IntVector.zero(INTS));
    }

    private static FloatVector expOf(FloatVector bounded) {
        FloatVector shifted = bounded.fma(PER_LN2, SHIFT);
        FloatVector n = shifted.sub(SHIFT);
        FloatVector r = n.fma(MINUS_LN2_1, n.fma(MINUS_LN2_0, bounded));
        FloatVector p = E4.fma(r, E3).fma(r, E2).fma(r, E1).fma(r, E0).fma(r, ONE).fma(r, ONE);
        IntVector exponent = shifted.reinterpretAsInts().sub(SHIFT_BITS);
        IntVector half = exponent.lanewise(ASHR, 1);
        FloatVector scaled = p.reinterpretAsInts().add(half.lanewise(LSHL, 23)).reinterpretAsFloats();
        return scaled.mul(exponent.sub(half).add(BIAS).lanewise(LSHL, 23).reinterpretAsFloats());
    }

    private static FloatVector logOf(FloatVector k, FloatVector f) {
        FloatVector p = L8.fma(f, L7).fma(f, L6).fma(f, L5).fma(f, L4).fma(f, L3).fma(f, L2).fma(f, L1).fma(f, L0);
        return k.fma(PLUS_LN2_0, k.fma(PLUS_LN2_1, f.mul(f).fma(p, f)));
    }

    private static FloatVector quarterWave(FloatVector x, int advance, IntVector sign) {
        FloatVector a = x.reinterpretAsInts().and(MAGNITUDE).reinterpretAsFloats();
        FloatVector shifted = a.fma(PER_HALF_PI, SHIFT);
        FloatVector n = shifted.sub(SHIFT);
        FloatVector r = n.fma(MINUS_HALF_PI_2, n.fma(MINUS_HALF_PI_1, n.fma(MINUS_HALF_PI_0, a)));
        IntVector quadrant = shifted.reinterpretAsInts();
        if (a.compare(GT, LARGE).anyTrue()) {                    // rare, and by integers that vectors lack
            int[] lanes = new int[3 * Vectors.LANES];
            a.reinterpretAsInts().intoArray(lanes, 0);
            r.reinterpretAsInts().intoArray(lanes, Vectors.LANES);
            quadrant.intoArray(lanes, 2 * Vectors.LANES);
            reduceLarge(lanes);
            r = IntVector.fromArray(INTS, lanes, Vectors.LANES).reinterpretAsFloats();
            quadrant = IntVector.fromArray(INTS, lanes, 2 * Vectors.LANES);
        }
        quadrant = quadrant.add(advance);
        FloatVector u = r.mul(r);
        FloatVector s = r.mul(u).fma(S3.fma(u, S2).fma(u, S1).fma(u, S0), r);
        FloatVector c = C3.fma(u, C2).fma(u, C1).fma(u, C0).fma(u, ONE);
        FloatVector y = c.blend(s, quadrant.lanewise(LSHL, 31).compare(EQ, 0).cast(FLOATS));
        y = y.reinterpretAsInts().lanewise(XOR, quadrant.and(2).lanewise(LSHL, 30)).lanewise(XOR, sign).reinterpretAsFloats();
        return NAN.blend(y, a.compare(LT, INFINITY));
    }

    /// Magnitudes, rests and quadrants, one vector after the other; replaces the latter two where the first is large.
    private static void reduceLarge(int[] lanes) {
        for (int lane = 0; lane < Vectors.LANES; lane++) {
            float a = Float.intBitsToFloat(lanes[lane]);
            if (a > TRIG_LARGE) {
                long reduced = Elementary.reduceLarge(a);
                lanes[Vectors.LANES + lane] = (int) reduced;
                lanes[2 * Vectors.LANES + lane] = (int) (reduced >>> 32);
            }
        }
    }

    private static FloatVector of(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    private static IntVector of(int value) {
        return IntVector.broadcast(INTS, value);
    }
}
