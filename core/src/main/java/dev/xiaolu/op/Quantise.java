package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Codes and power-of-two scales of a matrix, block by block.
///
/// Takes `x [..., m, n]` F32, gives `codes` as [Codes#of] has it and `scales` F8_E8M0 of the shape [Blocks#grid]. A block with the largest magnitude `a` has the scale `s = 2^ceil(log2(max(a, floor) / max))`,
/// found without rounding, where `max` is 448 for FP8 and 6 for FP4; its codes are those nearest to `x / s`, ties to even. Numbers below 2^127 that are quantised, dequantised and quantised again are then the same to the bit.
/// A block with an infinity or NaN has the scale NaN, and every code of it is NaN, or 0 in FP4, which has none: no damage looks sound.
///
/// @param codes  the type of the codes
/// @param blocks the blocks that share a scale
/// @param floor  the least magnitude that a scale is made for, not negative
public record Quantise(Codes codes, Blocks blocks, float floor) implements Op.Plain {
    /// The floor that keeps the scales of FP8 weights normal numbers: 448 · 2^−126.
    private static final float FP8_FLOOR = 448 * 0x1p-126f;
    /// The floor that keeps the scales of FP4 normal numbers: 6 · 2^−126.
    static final float FP4_FLOOR = 6 * 0x1p-126f;
    /// The floor under activations in FP8.
    static final float ACTIVATION_FLOOR = 1e-4f;

    public Quantise {
        check(floor >= 0 && floor < Float.POSITIVE_INFINITY, "Quantise: floor is %s, wanted a finite number from 0 up", floor);
    }

    /// FP8 in blocks of 128 × 128, as weights are kept.
    public static Quantise fp8Weights() {
        return new Quantise(Codes.FP8, Blocks.WEIGHTS, FP8_FLOOR);
    }

    /// FP8 in groups of 128 along the last axis, as activations are multiplied.
    public static Quantise fp8Activations() {
        return new Quantise(Codes.FP8, Blocks.ACTIVATIONS, ACTIVATION_FLOOR);
    }

    /// FP4 in groups of 32 along the last axis.
    public static Quantise fp4() {
        return new Quantise(Codes.FP4, Blocks.FP4, FP4_FLOOR);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Shape x = Types.f32(this, inputs, 0, "x");
        check(x.rank() >= 2, "Quantise: x is %s, wanted at least two axes", x);
        return List.of(codes.of(x), new TensorType(DType.F8_E8M0, blocks.grid(x)));
    }
}
