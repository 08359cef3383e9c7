package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [JointAttention], with the probabilities computed again from `m` and `l`.
///
/// Takes the eight inputs of the forward operator, `o m l` as it gave them and `dy` shaped as `o`; gives `dq`, `draw`, `dentries` and `dsink [leaves, heads]`.
/// For a query head and a key `k_j` it sees: `s_j` as in the forward operator; `p_j = exp(s_j − m) · (1 / l)`; `dp_j = dot(dy, k_j)` and `delta = dot(dy, o)` over `dim` as in [MatMul]; `ds_j = (p_j · (dp_j − delta)) · scale`.
///
/// `dq_c` sums `fma(ds_j, k_jc, ·)` over the keys the query sees, each side by itself: leaves of 128 by the key's number, one ascending chain each from +0, then the balanced tree by leaf; then entries + raw keys.
///
/// Of each sequence, query `i` and head `h` are the *row* `i · heads + h`. The gradient of a raw key or entry sums over the rows that see it: leaves of 128 by the row's number, each one chain from +0,
/// first `fma(ds, q_c, ·)` over the leaf's rows in ascending order, then, going on, `fma(p, dy_c, ·)` over the same rows; then the balanced tree by leaf. It is a scatter by key with the rows ascending, the same rule for raw keys, entries and gathered entries.
///
/// In these sums leaves and sides without a term count as +0, and at the end −0 becomes +0, so what is absent cannot be told from +0; a key nobody sees gives +0, and so does a query that sees no key.
///
/// `dsink_h` sums `fma(−p, delta, ·)` with `p = exp(sink − m) · (1 / l)` over the queries of its leaf of work, ascending through its sequences and counted from 0, those that see no key left out: leaves of 256 from +0 and the balanced tree.
///
/// @param scale    that of the forward operator
/// @param gathered that of the forward operator
/// @param leaves   number of leaves of work: equal runs of sequences
public record JointAttentionGrad(float scale, boolean gathered, int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.KEY_LEAVES).withFma().using("exp").noting("keys sum rows in leaves of 128, dsink queries in leaves of 256");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q raw entries sink first last origin " + (gathered ? "chosen" : "visible") + " o m l dy");
        List<TensorType> forward = new JointAttention(scale, gathered).infer(inputs.subList(0, 8));
        for (int i = 0; i < 3; i++) {
            Types.same(this, List.of("o", "m", "l").get(i), Types.f32(this, inputs, 8 + i, "o, m or l"), "the forward operator gave", forward.get(i).shape());
        }
        Types.same(this, "dy", Types.f32(this, inputs, 11, "dy"), "o", forward.getFirst().shape());
        Types.leaves(this, leaves, inputs.getFirst().shape().axis(0));
        return List.of(inputs.get(0), inputs.get(1), inputs.get(2), TensorType.f32(inputs.get(3).shape().prepend(leaves)));
    }
}
