package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The loss that keeps the experts of each sequence evenly used, `alpha · Σ_e f_e · P_e`.
///
/// Takes `scores [batch, seq, experts]` F32 and `chosen [batch · seq, count]` I32, gives `loss [batch]` F32. In order, for each sequence, each operation rounded once:
/// `f_e = (experts · tokens that chose e) / (count · seq)`, both integers converted; `S_t` = row sum of the scores of token `t` in 32 lanes; `q_te = s_te / S_t`;
/// `P_e` = sum of `q_te` over the tokens in leaves of 256 and the balanced tree, divided by
/// `seq`; `loss = alpha ·` row sum of `fma(f, P, ·)` over the experts in 32 lanes.
/// Only the `P_e` depend on the scores. An expert outside `0..experts−1` throws [IndexOutOfBoundsException]. Source: DeepSeek-AI 2024, arXiv:2412.19437.
///
/// @param alpha the weight of this loss
public record BalanceLoss(float alpha) implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma().noting("shares are summed over tokens in leaves of 256");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores chosen");
        return List.of(TensorType.f32(sequences(this, inputs)));
    }

    /// The shape of the loss, once scores and chosen fit together.
    static Shape sequences(Op op, List<TensorType> inputs) {
        Shape scores = Types.f32(op, inputs, 0, "scores");
        Shape chosen = Types.typed(op, inputs, 1, "chosen", DType.I32);
        check(scores.rank() == 3, "%s: scores are %s, wanted [batch, seq, experts]", op.name(), scores);
        check(chosen.rank() == 2 && chosen.axis(0) == scores.rows(), "%s: chosen is %s, wanted [%d, count], a row for each token of scores %s",
                op.name(), chosen, scores.rows(), scores);
        return scores.part(0, 1);
    }
}
