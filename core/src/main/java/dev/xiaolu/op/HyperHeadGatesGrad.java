package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [HyperHeadGates].
///
/// Takes `m [..., n]`, `base [n]`, `scale [1]`, `dpre [..., n]`, gives `dm [..., n]`, `dbase [leaves, n]`, `dscale [leaves, 1]`, all F32. With `a` the sigmoid:
/// `dz = dpre · (a · (1 − a))`; `dm_s = scale · dz_s`; `dbase_s` sums `dz_s` over the rows of
/// its leaf of work, `dscale` sums each row's chain of `fma(dz_s, m_s, ·)` in ascending
/// order from +0: both plain additions from +0 in leaves of 256 rows and the balanced tree.
///
/// @param leaves number of leaves of work: equal runs of rows
public record HyperHeadGatesGrad(int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma().using("sigmoid").noting("dbase and dscale sum rows in leaves of 256");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "m base scale dpre");
        Shape m = HyperHeadGates.checked(this, inputs);
        Types.same(this, "dpre", Types.f32(this, inputs, 3, "dpre"), "m", m);
        Types.leaves(this, leaves, m.rows());
        return List.of(TensorType.f32(m), TensorType.f32(Shape.of(leaves, m.last())), TensorType.f32(Shape.of(leaves, 1)));
    }
}
