package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Softmax attention of query heads over shared key and value heads, each query over one run of keys.
///
/// Takes `q [batch, queries, heads, dim]`, `k [batch, keys, kvHeads, dim]`, `v [batch, keys, kvHeads, dim]`, all F32, and `first [batch, queries]`, `last [batch, queries]`, both I32:
/// a query sees the keys `first..last`, both included (none when `last < first`), so causal masks, document boundaries, windows and caches are all one thing.
/// Query head `h` reads key head `h / (heads / kvHeads)`. Gives `o [batch, queries, heads, dim]`, and for the gradient `m` and `l`, both `[batch, queries, heads]`.
///
/// A key's index is its absolute position. The keys are cut into leaves of 128 by that position. In a leaf, over the visible keys `j` only, ascending:
/// `s_j = dot(q, k_j) · scale` (the dot product over `dim` as in [MatMul]); `m` = the greatest `s_j`; `p_j = exp(s_j − m)`; `l` = the sum of `p_j` in 32 lanes, key `j` in lane `j mod 32`;
/// `o_c` = one chain of `fma(p_j, v_jc, ·)` from +0. Leaves that hold no visible key are absent. Two present sides merge as `m` = the greater of `m_a` and `m_b`, `e_a = exp(m_a − m)`, `e_b = exp(m_b − m)`,
/// `l = fma(l_a, e_a, l_b · e_b)`, `o = fma(o_a, e_a, o_b · e_b)`; where one side is absent the other is passed on; the merges form the balanced tree by leaf index.
/// At the end `o = o · (1 / l)`. A query that sees no key gives `o = +0`, `m = −∞`, `l = +0`.
///
/// The greatest score passes over NaN and starts from −∞, and −0 becomes +0, so its bits do not depend on any order. Where `m` is −∞ the exponents are taken relative to 0 instead, so a score of −∞ weighs nothing
/// in whatever leaf it lies; a query all of whose scores are −∞ gives NaN (0 · ∞), as does one with a score of NaN or +∞. Other queries are not touched by that.
///
/// Throws [IndexOutOfBoundsException] for a run that is not empty and leaves `0..keys-1`. Source: Dao et al. 2022, arXiv:2205.14135, with the order fixed.
///
/// @param scale factor on the scores, usually `1/√dim`
public record Attention(float scale) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.KEY_LEAVES).withFma().using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q k v first last");
        Shape q = Types.f32(this, inputs, 0, "q");
        Shape k = Types.f32(this, inputs, 1, "k");
        Shape v = Types.f32(this, inputs, 2, "v");
        check(q.rank() == 4, "Attention: q is %s, wanted [batch, queries, heads, dim]", q);
        check(k.rank() == 4 && k.axis(0) == q.axis(0) && k.last() == q.last(), "Attention: k is %s, wanted [%d, keys, kvHeads, %d]", k, q.axis(0), q.last());
        Types.same(this, "v", v, "k", k);
        check(k.axis(2) > 0 && q.axis(2) % k.axis(2) == 0, "Attention: %d query heads do not divide over %d key heads", q.axis(2), k.axis(2));
        Types.same(this, "first", Types.typed(this, inputs, 3, "first", DType.I32), "[batch, queries]", q.part(0, 2));
        Types.same(this, "last", Types.typed(this, inputs, 4, "last", DType.I32), "[batch, queries]", q.part(0, 2));
        return List.of(TensorType.f32(q), TensorType.f32(q.part(0, 3)), TensorType.f32(q.part(0, 3)));
    }
}
