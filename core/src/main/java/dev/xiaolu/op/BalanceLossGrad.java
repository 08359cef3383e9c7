package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [BalanceLoss].
///
/// Takes `scores [batch, seq, experts]` F32, `chosen [batch · seq, count]` I32, `dloss [batch]` F32,
/// gives `dscores [batch, seq, experts]` F32. With `f_e`, `S_t`, `q_te` as in the forward operator:
/// `g = (alpha · dloss) / seq`; `d_t` = row sum of `fma(f, q_t, ·)` in 32 lanes; `dscores_te = ((f_e − d_t) / S_t) · g`.
///
/// @param alpha that of the forward operator
public record BalanceLossGrad(float alpha) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores chosen dloss");
        Types.same(this, "dloss", Types.f32(this, inputs, 2, "dloss"), "one for each sequence", BalanceLoss.sequences(this, inputs));
        return List.of(inputs.getFirst());
    }
}
