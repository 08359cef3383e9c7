package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The gates by which the streams of hyper-connections are collapsed before a model's head.
///
/// Takes `m [..., n]`, `base [n]` and `scale [1]`, gives `pre [..., n]`, all F32: `pre_s = sigmoid(fma(scale, m_s, base_s)) + epsilon`.
///
/// @param epsilon keeps gates away from 0; positive
public record HyperHeadGates(float epsilon) implements Op.Differentiable {
    public HyperHeadGates {
        check(epsilon > 0, "HyperHeadGates: epsilon is %s, wanted a positive number", epsilon);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().withFma().using("sigmoid");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "m base scale");
        return List.of(TensorType.f32(checked(this, inputs)));
    }

    /// The shape of `m`, once it, `base` and `scale` fit together.
    static Shape checked(Op op, List<TensorType> inputs) {
        Shape m = Types.f32(op, inputs, 0, "m");
        Types.same(op, "base", Types.f32(op, inputs, 1, "base"), "the last axis of m", Shape.of(m.last()));
        Types.same(op, "scale", Types.f32(op, inputs, 2, "scale"), "one factor", Shape.of(1));
        return m;
    }
}
