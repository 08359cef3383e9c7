package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [Attention], with the probabilities computed again from `m` and `l`.
///
/// Takes `q k v first last` and `o m l` as the forward operator took and gave them, and `dy` shaped as `o`; gives `dq`, `dk`, `dv`.
/// For a query head and a visible key: `s_j` as in the forward operator; `p_j = exp(s_j − m) · (1 / l)`; `dp_j = dot(dy, v_j)` over `dim` as in [MatMul];
/// `delta = dot(dy, o)` over `dim` as in [MatMul]; `ds_j = (p_j · (dp_j − delta)) · scale`. Then
/// `dq_c` sums `fma(ds_j, k_jc, ·)` over its visible keys: leaves of 128 by the key's position, one ascending chain each from +0, then the balanced tree by leaf index, leaves without a visible key absent.
/// `dk_jc` sums `fma(ds_ij, q_ic, ·)` and `dv_jc` sums `fma(p_ij, dy_ic, ·)` over the queries `i` that see key `j`: for each query head of the group, leaves of 128 by the query's index `i`,
/// one ascending chain each, then the balanced tree, leaves without such a query absent; then the heads' sums are added in ascending order of the head, starting with the first head's.
/// A key that a head never sees gives +0 for that head; a query without visible keys gives `dq = +0`.
///
/// @param scale that of the forward operator
public record AttentionGrad(float scale) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.KEY_LEAVES).withFma().using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q k v first last o m l dy");
        List<TensorType> forward = new Attention(scale).infer(inputs.subList(0, 5));
        for (int i = 0; i < 3; i++) {
            Types.same(this, List.of("o", "m", "l").get(i), Types.f32(this, inputs, 5 + i, "o, m or l"), "the forward operator gave", forward.get(i).shape());
        }
        Types.same(this, "dy", Types.f32(this, inputs, 8, "dy"), "o", forward.getFirst().shape());
        return List.copyOf(inputs.subList(0, 3));
    }
}
