package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The indexer's scores, `score_tw = Σ_h weight_th · relu(q_th · k_w)`.
///
/// Takes `q [batch, queries, heads, dim]`, `k [batch, count, dim]`, `weight [batch, queries, heads]`, all F32, and `visible [batch, queries]` I32, gives `scores [batch, queries, count]`.
/// A query sees the entries below `visible` or, where that is `[batch, queries, 2]`, those from the first of its two numbers up to before the second. For an entry it sees: dot products over `dim` as in [MatMul]; `relu` gives +0 for what is below 0 and passes the rest on, NaN too; the heads, at most 256, are one chain of `fma(weight_h, relu_h, ·)`, ascending from +0.
/// Other entries give −∞. Throws [IndexOutOfBoundsException] for `visible` outside `0..count`, and for runs that leave it or end before they start. Source: DeepSeek-V3.2, arXiv:2512.02556.
public record IndexScores() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q k weight visible");
        Shape q = Types.f32(this, inputs, 0, "q");
        check(q.rank() == 4 && q.axis(2) <= Numerics.LEAF, "IndexScores: q is %s, wanted [batch, queries, heads, dim] with at most %d heads", q, Numerics.LEAF);
        Shape k = Types.entries(this, inputs, 1, q);
        Types.same(this, "weight", Types.f32(this, inputs, 2, "weight"), "[batch, queries, heads]", q.part(0, 3));
        Types.seen(this, inputs, 3, false, q.part(0, 2));
        return List.of(TensorType.f32(Shape.of(q.axis(0), q.axis(1), k.axis(1))));
    }
}
