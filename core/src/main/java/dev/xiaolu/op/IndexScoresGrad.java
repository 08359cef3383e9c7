package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [IndexScores].
///
/// Takes `q k weight visible` as the forward operator took them and `dy [batch, queries, count]`, gives `dq`, `dk`, `dweight`. For a query head and an entry `w` it sees, with `d` the dot product of the forward operator:
/// `g = dy_w · weight_h` where `d` is above 0, else +0. `dq_hc` sums `fma(g_w, k_wc, ·)` and `dweight_h` sums `fma(dy_w, relu(d_w), ·)` over those entries: leaves of 256 by index, each one ascending chain from +0, then the balanced tree.
/// Of each sequence, query `i` and head `h` are the row `i · heads + h`: `dk_wc` sums `fma(g, q_c, ·)` over the rows that see the entry, leaves of 256 by the row's number, each one ascending chain from +0, then the balanced tree.
/// In all three leaves without a term count as +0 and at the end −0 becomes +0. `dy` of other entries is not read.
public record IndexScoresGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "q k weight visible dy");
        TensorType scores = new IndexScores().infer(inputs.subList(0, 4)).getFirst();
        Types.same(this, "dy", Types.f32(this, inputs, 4, "dy"), "the scores", scores.shape());
        return List.copyOf(inputs.subList(0, 3));
    }
}
