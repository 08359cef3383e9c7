package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [HyperCollapse].
///
/// Takes `pre [..., n]`, `x [..., n, hidden]`, `du [..., hidden]`, gives `dpre [..., n]` and
/// `dx [..., n, hidden]`, all F32: `dpre_s` = row sum of `fma(du, x_s, ·)` in 32 lanes;
/// `dx_sc = pre_s · du_c`.
public record HyperCollapseGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "pre x du");
        Types.same(this, "du", Types.f32(this, inputs, 2, "du"), "u", HyperCollapse.collapsed(this, inputs));
        return List.of(inputs.get(0), inputs.get(1));
    }
}
