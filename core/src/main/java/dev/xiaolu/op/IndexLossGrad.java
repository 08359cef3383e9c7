package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [IndexLoss] with respect to the scores.
///
/// Takes `scores share` and `visible` or `chosen` as the forward operator took them, `m` and `l` as it gave them and `dloss [batch, queries]`; gives `dscores [batch, queries, count]`. For an entry the query sees: `p = exp(x − m) · (1 / l)`,
/// relative to 0 where `m` is −∞; `dscores = fma(p, T, −t) · dloss`, where `T` is the sum of the query's shares in 32 lanes as in the forward operator: 1 but for rounding, or 0 where the teacher says nothing. Other entries give +0.
///
/// @param gathered that of the forward operator
public record IndexLossGrad(boolean gathered) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma().using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores share " + (gathered ? "chosen" : "visible") + " m l dloss");
        Shape loss = new IndexLoss(gathered).infer(inputs.subList(0, 3)).getFirst().shape();
        Types.same(this, "m", Types.f32(this, inputs, 3, "m"), "the loss", loss);
        Types.same(this, "l", Types.f32(this, inputs, 4, "l"), "the loss", loss);
        Types.same(this, "dloss", Types.f32(this, inputs, 5, "dloss"), "the loss", loss);
        return List.of(inputs.getFirst());
    }
}
