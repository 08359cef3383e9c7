package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Softmax attention of all query heads over one shared head of keys that are their own values: a run of raw keys, entries that stand for windows of them, and a sink, under one denominator.
///
/// Takes `q [batch, queries, heads, dim]`, `raw [batch, rows, dim]`, `entries [batch, count, dim]` and `sink [heads]`, all F32; then `first [batch, queries]`, `last [batch, queries]` and `origin [batch]`, all I32:
/// a query sees the raw keys of index `first..last`, both included (none when `last < first`); the raw key of index `i` lies in row `i mod rows`, so that a ring may be passed, and its absolute position is `origin + i`.
/// The last input is `visible [batch, queries]` I32: a query sees the entries `0..visible-1`; or `visible [batch, queries, 2]`: it sees those from the first of the two up to before the second, which keeps documents of one sequence apart; or, if `gathered`, `chosen [batch, queries, places]` I32: the entries a query sees, ascending, and −1 behind the last.
/// Gives `o [batch, queries, heads, dim]`, and for the gradient `m` and `l`, both `[batch, queries, heads]`.
///
/// The raw keys and the entries are two *sides*. The keys of a side have numbers: a raw key its absolute position, an entry its index, a gathered entry its rank, that is its place in `chosen`.
/// Each side is cut into leaves of 128 by number and becomes one part `(m, l, o)` exactly as in [Attention], with `scale`, without the last division; leaves and sides without a visible key are absent.
/// The entries, on the left, merge with the raw keys, on the right, as two parts merge there; where one side is absent the other is passed on. At last the sink, on the right, merges in the same way,
/// as a part with `m = sink + 0`, `l = 1` and `o = +0`; it is not scaled. At the end `o = o · (1 / l)`. A query that sees no key gives `o = +0`, with `m` and `l` from the sink alone: `m` = the greater of −∞ and `sink`,
/// `l = exp(sink − m)`, relative to 0 where `m` is −∞.
///
/// Rules on maxima, −∞ and NaN are those of [Attention]. A sink of −∞ weighs nothing, one of NaN makes its head's rows NaN where they see a key. A row depends on its own query and on the keys it sees, by their numbers, and on nothing else in the call.
///
/// Throws [IndexOutOfBoundsException] for a run that is not empty and starts below 0, holds more than `rows` keys or ends at `2 · rows` or later, for a negative `origin`, for `visible` outside `0..count`, runs of entries that leave it or end before they start, and for entries of `chosen`
/// outside `−1..count-1` or not ascending. Sources: Dao et al. 2022, arXiv:2205.14135; Xiao et al. 2023, arXiv:2309.17453; DeepSeek-V4, arXiv:2606.19348; with the order fixed.
///
/// @param scale    factor on the scores of keys, usually `1/√dim`
/// @param gathered whether each query names its entries
public record JointAttention(float scale, boolean gathered) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.KEY_LEAVES).withFma().using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q raw entries sink first last origin " + (gathered ? "chosen" : "visible"));
        Shape q = Types.f32(this, inputs, 0, "q");
        Shape raw = Types.f32(this, inputs, 1, "raw");
        check(q.rank() == 4, "JointAttention: q is %s, wanted [batch, queries, heads, dim]", q);
        check(raw.rank() == 3 && raw.axis(0) == q.axis(0) && raw.last() == q.last(), "JointAttention: raw is %s, wanted [%d, rows, %d]", raw, q.axis(0), q.last());
        Types.entries(this, inputs, 2, q);
        Types.same(this, "sink", Types.f32(this, inputs, 3, "sink"), "[heads]", Shape.of(q.axis(2)));
        Types.same(this, "first", Types.typed(this, inputs, 4, "first", DType.I32), "[batch, queries]", q.part(0, 2));
        Types.same(this, "last", Types.typed(this, inputs, 5, "last", DType.I32), "[batch, queries]", q.part(0, 2));
        Types.same(this, "origin", Types.typed(this, inputs, 6, "origin", DType.I32), "[batch]", q.part(0, 1));
        Types.seen(this, inputs, 7, gathered, q.part(0, 2));
        return List.of(TensorType.f32(q), TensorType.f32(q.part(0, 3)), TensorType.f32(q.part(0, 3)));
    }
}
