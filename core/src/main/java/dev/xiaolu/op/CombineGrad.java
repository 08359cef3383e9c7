package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [Combine].
///
/// Takes `x [rows · count, hidden]`, `weights [rows, count]`, `places [rows, count]` I32,
/// `dy [rows, hidden]`, gives `dx [rows · count, hidden]` and `dweights [rows, count]`, F32. With `p = places_rk`:
/// `dx_pc = weights_rk · dy_rc`; `dweights_rk` = row sum of `fma(dy_r, x_p, ·)` in 32 lanes. `places` must hold each place once.
public record CombineGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x weights places dy");
        Types.same(this, "dy", Types.f32(this, inputs, 3, "dy"), "y", Combine.combined(this, inputs));
        return List.of(inputs.get(0), inputs.get(1));
    }
}
