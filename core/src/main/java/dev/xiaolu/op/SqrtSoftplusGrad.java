package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [SqrtSoftplus].
///
/// Takes `z [...]`, the scores `s [...]` and `ds [...]`, gives `dz [...]`, all F32: `dz = ds · (d / (2 · s))` with `d = 1` where `z > 20`, else `d = sigmoid(z)`.
/// Where `s = 0`, which happens once softplus has become too small for F32, `dz` is +0.
public record SqrtSoftplusGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().using("sigmoid");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "z s ds");
        Shape z = Types.f32(this, inputs, 0, "z");
        Types.same(this, "s", Types.f32(this, inputs, 1, "s"), "z", z);
        Types.same(this, "ds", Types.f32(this, inputs, 2, "ds"), "z", z);
        return List.of(TensorType.f32(z));
    }
}
