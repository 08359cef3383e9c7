package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// How [JointAttention] shares its attention out among the entries a query sees, all heads together: what the indexer is taught. The result is detached.
///
/// Takes `q [batch, queries, heads, dim]` and `entries [batch, count, dim]` as the attention took them, `m` and `l`, both `[batch, queries, heads]`, as it gave them, all F32, and `visible [batch, queries]` or `[batch, queries, 2]` I32, or `chosen [batch, queries, places]` I32 if `gathered`;
/// gives `share [batch, queries, count]`, or `[batch, queries, places]` if `gathered`. For a query and an entry it sees: `p_h = exp(s_h − m_h) · (1 / l_h)` with `s_h` as in the attention; `P` = the sum of `p_h`, heads ascending, starting with the first;
/// `t` = the sum of `P` over the entries the query sees in 32 lanes by number (index, or rank if gathered); the share is `P / t`, and +0 where `t` is 0. Entries a query does not see, and places behind its last, give +0.
///
/// @param scale    that of the attention
/// @param gathered that of the attention
public record AttentionShare(float scale, boolean gathered) implements Op.Choice {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma().using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q entries m l " + (gathered ? "chosen" : "visible"));
        Shape q = Types.f32(this, inputs, 0, "q");
        check(q.rank() == 4, "AttentionShare: q is %s, wanted [batch, queries, heads, dim]", q);
        Shape entries = Types.entries(this, inputs, 1, q);
        Types.same(this, "m", Types.f32(this, inputs, 2, "m"), "[batch, queries, heads]", q.part(0, 3));
        Types.same(this, "l", Types.f32(this, inputs, 3, "l"), "[batch, queries, heads]", q.part(0, 3));
        Shape seen = Types.seen(this, inputs, 4, gathered, q.part(0, 2));
        return List.of(TensorType.f32(Shape.of(q.axis(0), q.axis(1), gathered ? seen.last() : entries.axis(1))));
    }
}
