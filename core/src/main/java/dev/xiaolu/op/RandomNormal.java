package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Fills a tensor with normally distributed numbers, changing `x` in place; a function of key and position alone.
///
/// Takes `x [...]` F32, gives nothing. Element `i` (row-major) is `std · z(key, i)`, with `z` by Philox4x32-10 ([dev.xiaolu.platform.RandomKey]) and the Box–Muller transform in F32:
/// counter `⌊i / 4⌋` gives words `w0..w3`; the pair `(w0, w1)` serves elements 0 and 1 of the four, `(w2, w3)` serves 2 and 3. From a pair `(a, b)`: `u = ((a >>> 8) + 1) · 2^−24`, `t = (b >>> 8) · 2^−24`,
/// `r = √(−2 · log(u))`, `phi = t · 6.2831855f`; the even element is `std · (r · cos(phi))`, the odd one `std · (r · sin(phi))`.
///
/// @param std standard deviation
/// @param key the key of the fill: seed, purpose and name mixed into one word
public record RandomNormal(float std, long key) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact().withFma().using("log sin cos");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Types.f32(this, inputs, 0, "x");
        return List.of();
    }
}
