package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The indexer's objective for each query: the Kullback–Leibler divergence of the softmax of its scores from a teacher's shares, in nats.
///
/// Takes `scores [batch, queries, count]` F32 and, of the entries a query sees: `visible [batch, queries]` or `[batch, queries, 2]` I32, as [JointAttention] takes it, with `share [batch, queries, count]` F32, or if `gathered` `chosen [batch, queries, places]` I32 with `share [batch, queries, places]`.
/// The order of the inputs is `scores share` and then `visible` or `chosen`; gives `loss`, and for the gradient `m` and `l`, all `[batch, queries]`. Over the entries the query sees, `x` their scores and `t` their shares:
/// `m` = the greatest `x` (NaN passed over, starting from −∞, −0 becoming +0); `l` = the sum of `exp(x − m)`, relative to 0 where `m` is −∞;
/// `loss` = the sum of `fma(t, log(t) − ((x − m) − log(l)), ·)` over those with `t ≠ 0`; both in 32 lanes by number (index, or rank if gathered). A query that sees no entry gives `loss = +0`, `m = −∞`, `l = +0`.
///
/// Only the scores have a gradient: the shares are the teacher's.
///
/// @param gathered whether each query names its entries
public record IndexLoss(boolean gathered) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma().using("exp log");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores share " + (gathered ? "chosen" : "visible"));
        Shape scores = Types.f32(this, inputs, 0, "scores");
        check(scores.rank() == 3, "IndexLoss: scores are %s, wanted [batch, queries, count]", scores);
        Shape seen = Types.seen(this, inputs, 2, gathered, scores.part(0, 2));
        Types.same(this, "share", Types.f32(this, inputs, 1, "share"), gathered ? "chosen" : "the scores", gathered ? seen : scores);
        TensorType loss = TensorType.f32(scores.part(0, 2));
        return List.of(loss, loss, loss);
    }
}
