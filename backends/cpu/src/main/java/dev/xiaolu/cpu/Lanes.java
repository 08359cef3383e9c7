package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Coefficients;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// What is computed for one row of tensors, on vectors of 16 floats or eight longs, written down step by step, for [LaneLoop] to make code of.
///
/// What stands in [#each] is done for all elements of the row; what stands in [#sums] too, and added up in 32 lanes that [#total] halves; everything else is done once, before or
/// behind those.
///
/// Each method notes one instruction and gives what it makes; nothing is computed yet. Every operation is the one of IEEE 754 that its name says, so the Java loop of the same
/// operations has the same bits. Tensors have numbers, as have factors, scalars that a call brings along. One thread.
final class Lanes {
    /// A vector.
    record Value(int step) {}

    /// One bit for each lane.
    record Mask(int step) {}

    /// Thirty-two lanes in which elements are added up, or compared: two vectors, and what joins two lanes.
    record Sum(int first, int second, Evex join) {}

    /// What a step does, beside those that are plain instructions.
    enum Kind { CONSTANT, CONSTANT_LONG, PATTERN, CONSTANT_HERE, FACTOR, LOAD, LOAD_WIDE, LOAD_LONGS, STORE, STORE_WIDE, STORE_LONGS, PLAIN, BY, SHIFT, FUSED, COMPARE, BLEND, UPPER, LEAVE,
        LOAD_ONE, STORE_ONE, EACH, SUMS, END, START, ACCUMULATE, TOTAL }

    /// @param kind    what it does
    /// @param op      its instruction, where there is one
    /// @param from    the steps whose results it takes
    /// @param number  its constant, tensor or factor
    /// @param half    which of two vectors of a tensor that has 128 bytes for 16 elements; the index of a single one
    record Step(Kind kind, Evex op, long number, int half, int... from) {
        boolean isConstant() {
            return kind == Kind.CONSTANT || kind == Kind.CONSTANT_LONG || kind == Kind.PATTERN || kind == Kind.FACTOR;
        }

        boolean isMask() {
            return kind == Kind.COMPARE;
        }

        /// Whether its tensor has 128 bytes for 16 elements.
        boolean isWide() {
            return switch (kind) {
                case LOAD_WIDE, STORE_WIDE, LOAD_LONGS, STORE_LONGS -> true;
                default -> false;
            };
        }

        /// The tensor it reads or writes, or −1.
        int tensor() {
            return switch (kind) {
                case LOAD_ONE, STORE_ONE, LOAD, LOAD_WIDE, LOAD_LONGS, STORE, STORE_WIDE, STORE_LONGS -> (int) number;
                default -> -1;
            };
        }
    }

    private record Constant(Kind kind, long number) {}

    private static final int LESS = 1;                           // kinds of comparisons, none true of what is no number
    private static final int EQUAL = 0;
    private static final int AT_LEAST = 0x0D;
    private static final int GREATER = 0x0E;

    private final List<Step> steps = new ArrayList<>();
    private final List<int[]> patterns = new ArrayList<>();
    private final Map<Constant, Value> constants = new HashMap<>();

    List<Step> steps() {
        return steps;
    }

    /// The constants whose lanes differ, by their numbers.
    List<int[]> patterns() {
        return patterns;
    }

    // --- parts of a row ------------------------------------------------------------------------------------------------------

    /// Does this for all elements of the row, 16 at a time.
    void each(Runnable body) {
        loop(Kind.EACH, body);
    }

    /// Does this for all elements of the row, 32 at a time: those that [#accumulate] and [#accumulateProduct] join to the lanes of sums, element `i` to lane `i mod 32`.
    void sums(Runnable body) {
        loop(Kind.SUMS, body);
    }

    private void loop(Kind kind, Runnable body) {
        steps.add(new Step(kind, null, 0, 0));
        body.run();
        steps.add(new Step(Kind.END, null, 0, 0));
    }

    /// Lanes that begin as +0.
    Sum start() {
        return start(Evex.VADDPS, 0);
    }

    private Sum start(Evex join, int bits) {
        return new Sum(value(Kind.START, null, bits, 0).step, value(Kind.START, null, bits, 0).step, join);
    }

    /// Joins a value to the lanes.
    void accumulate(Sum to, Value of) {
        steps.add(new Step(Kind.ACCUMULATE, to.join, 0, 0, to.first, to.second, of.step));
    }

    /// Each lane becomes `fma(a, b, lane)`.
    void accumulateProduct(Sum to, Value a, Value b) {
        steps.add(new Step(Kind.ACCUMULATE, Evex.VFMADD231PS, 0, 0, to.first, to.second, a.step, b.step));
    }

    /// What the lanes come to, in every lane: `j` and `j + 16`, then 8, 4, 2, 1. The sum ends here.
    Value total(Sum of) {
        steps.add(new Step(Kind.TOTAL, of.join, 0, 0, of.first, of.second));
        return last();
    }

    /// The sum of this.
    Value sum(Supplier<Value> of) {
        Sum sum = start();
        sums(() -> accumulate(sum, of.get()));
        return total(sum);
    }

    /// The sum of the squares of a tensor's elements, each `fma(v, v, ·)`.
    Value squares(int tensor) {
        Sum sum = start();
        sums(() -> {
            Value v = load(tensor);
            accumulateProduct(sum, v, v);
        });
        return total(sum);
    }

    /// The largest element of a tensor, +0 being larger than −0; no number if there is one that is none.
    Value largest(int tensor) {
        Value rest = bits(Integer.MAX_VALUE);
        Value nan = bits(Coefficients.NAN_BITS);
        Sum largest = start(Evex.VPMAXSD, Float.floatToRawIntBits(Float.NEGATIVE_INFINITY) ^ Integer.MAX_VALUE);
        sums(() -> {
            Value v = load(tensor);
            Value ordered = xor(v, and(shiftRight(v, 31), rest));         // ints in the order of the floats
            accumulate(largest, blend(nan, ordered, equal(v, v)));
        });
        Value ordered = total(largest);
        return xor(ordered, and(shiftRight(ordered, 31), rest));
    }

    /// One float of a tensor, the row's own of this index, in every lane.
    Value loadOne(int tensor, int index) {
        return value(Kind.LOAD_ONE, null, tensor, index);
    }

    /// Stores the first lane as the row's own float of this index.
    void storeOne(int tensor, int index, Value of) {
        value(Kind.STORE_ONE, null, tensor, index, of);
    }

    // --- what goes in and out ----------------------------------------------------------------------------------------------

    /// Sixteen floats, or ints, of a tensor.
    Value load(int tensor) {
        return value(Kind.LOAD, null, tensor, 0);
    }

    /// The first or second 16 of 32 floats that belong to 16 elements; in [#each] alone, as are the others of two vectors.
    Value loadWide(int tensor, int half) {
        return value(Kind.LOAD_WIDE, null, tensor, half);
    }

    /// The first or second eight of sixteen longs.
    Value loadLongs(int tensor, int half) {
        return value(Kind.LOAD_LONGS, null, tensor, half);
    }

    void store(int tensor, Value of) {
        value(Kind.STORE, null, tensor, 0, of);
    }

    void storeWide(int tensor, int half, Value of) {
        value(Kind.STORE_WIDE, null, tensor, half, of);
    }

    void storeLongs(int tensor, int half, Value of) {
        value(Kind.STORE_LONGS, null, tensor, half, of);
    }

    /// A float that the call brings along, in every lane.
    Value factor(int number) {
        return constant(Kind.FACTOR, number);
    }

    Value constant(float value) {
        return bits(Float.floatToRawIntBits(value));
    }

    /// An int in every lane.
    Value bits(int value) {
        return constant(Kind.CONSTANT, value);
    }

    /// The ints that belong to lanes 0 to 15.
    Value lanes(IntUnaryOperator ofLane) {
        patterns.add(IntStream.range(0, Vectors.LANES).map(ofLane).toArray());
        return value(Kind.PATTERN, null, patterns.size() - 1L, 0);
    }

    /// A double in every lane of 64 bits.
    Value constant(double value) {
        return longs(Double.doubleToRawLongBits(value));
    }

    /// A long in every lane of 64 bits.
    Value longs(long value) {
        return constant(Kind.CONSTANT_LONG, value);
    }

    /// Ends the loop here, in front of these elements, unless the mask has every lane; for an expression of one [#each] that is called for one row.
    void leaveUnless(Mask all) {
        steps.add(new Step(Kind.LEAVE, null, 0, 0, all.step));
    }

    // --- floats --------------------------------------------------------------------------------------------------------------

    Value add(Value a, Value b) {
        return plain(Evex.VADDPS, a, b);
    }

    Value sub(Value a, Value b) {
        return plain(Evex.VSUBPS, a, b);
    }

    Value mul(Value a, Value b) {
        return plain(Evex.VMULPS, a, b);
    }

    Value div(Value a, Value b) {
        return plain(Evex.VDIVPS, a, b);
    }

    Value sqrt(Value of) {
        return plain(Evex.VSQRTPS, of);
    }

    /// `fma(a, b, c)`.
    Value fma(Value a, Value b, Value c) {
        return value(Kind.FUSED, Evex.VFMADD231PS, 0, 0, a, b, c);
    }

    /// `fma(−a, b, c)`.
    Value minusFma(Value a, Value b, Value c) {
        return value(Kind.FUSED, Evex.VFNMADD231PS, 0, 0, a, b, c);
    }

    /// `fma(a, b, −c)`.
    Value fmaMinus(Value a, Value b, Value c) {
        return value(Kind.FUSED, Evex.VFMSUB231PS, 0, 0, a, b, c);
    }

    /// The lesser one; `b` where one is no number.
    Value min(Value a, Value b) {
        return plain(Evex.VMINPS, a, b);
    }

    /// The greater one; `b` where one is no number.
    Value max(Value a, Value b) {
        return plain(Evex.VMAXPS, a, b);
    }

    // --- comparisons -----------------------------------------------------------------------------------------------------------

    Mask less(Value a, Value b) {
        return compare(LESS, a, b);
    }

    Mask greater(Value a, Value b) {
        return compare(GREATER, a, b);
    }

    Mask equal(Value a, Value b) {
        return compare(EQUAL, a, b);
    }

    Mask atLeast(Value a, Value b) {
        return compare(AT_LEAST, a, b);
    }

    /// `b` in the lanes of the mask, `a` in the others.
    Value blend(Value a, Value b, Mask mask) {
        steps.add(new Step(Kind.BLEND, Evex.VBLENDMPS, 0, 0, a.step, b.step, mask.step));
        return last();
    }

    // --- bits and integers -------------------------------------------------------------------------------------------------

    Value and(Value a, Value b) {
        return plain(Evex.VPANDD, a, b);
    }

    Value or(Value a, Value b) {
        return plain(Evex.VPORD, a, b);
    }

    Value xor(Value a, Value b) {
        return plain(Evex.VPXORD, a, b);
    }

    Value addInts(Value a, Value b) {
        return plain(Evex.VPADDD, a, b);
    }

    Value subInts(Value a, Value b) {
        return plain(Evex.VPSUBD, a, b);
    }

    Value shiftLeft(Value of, int bits) {
        return value(Kind.SHIFT, Evex.VPSLLD, bits, 0, of);
    }

    /// With the sign.
    Value shiftRight(Value of, int bits) {
        return value(Kind.SHIFT, Evex.VPSRAD, bits, 0, of);
    }

    /// With zeros.
    Value shiftRightUnsigned(Value of, int bits) {
        return value(Kind.SHIFT, Evex.VPSRLD, bits, 0, of);
    }

    /// Ints as floats.
    Value toFloats(Value ints) {
        return plain(Evex.VCVTDQ2PS, ints);
    }

    /// Lane `i` is lane `index_i` of `of`.
    Value rearrange(Value of, Value index) {
        return plain(Evex.VPERMPS, index, of);
    }

    // --- doubles and longs ---------------------------------------------------------------------------------------------------

    /// The first or second eight floats as doubles.
    Value toDoubles(Value floats, int half) {
        return plain(Evex.VCVTPS2PD, half == 0 ? floats : value(Kind.UPPER, Evex.VEXTRACTF64X4, 0, 0, floats));
    }

    /// Sixteen longs as floats.
    Value toFloats(Value first, Value second) {
        return value(Kind.BY, Evex.VINSERTF64X4, 1, 0, plain(Evex.VCVTQQ2PS, first), plain(Evex.VCVTQQ2PS, second));
    }

    Value mulDoubles(Value a, Value b) {
        return plain(Evex.VMULPD, a, b);
    }

    Value addDoubles(Value a, Value b) {
        return plain(Evex.VADDPD, a, b);
    }

    Value addLongs(Value a, Value b) {
        return plain(Evex.VPADDQ, a, b);
    }

    Value subLongs(Value a, Value b) {
        return plain(Evex.VPSUBQ, a, b);
    }

    private Value plain(Evex op, Value... from) {
        return value(Kind.PLAIN, op, 0, 0, from);
    }

    private Mask compare(int kind, Value a, Value b) {
        steps.add(new Step(Kind.COMPARE, Evex.VCMPPS, kind, 0, a.step, b.step));
        return new Mask(last().step);
    }

    private Value constant(Kind kind, long number) {
        return constants.computeIfAbsent(new Constant(kind, number), _ -> {
            steps.add(new Step(kind, null, number, 0));
            return last();
        });
    }

    private Value value(Kind kind, Evex op, long number, int half, Value... from) {
        int[] taken = new int[from.length];
        for (int i = 0; i < from.length; i++) {
            taken[i] = from[i].step;
        }
        steps.add(new Step(kind, op, number, half, taken));
        return last();
    }

    private Value last() {
        return new Value(steps.size() - 1);
    }
}
