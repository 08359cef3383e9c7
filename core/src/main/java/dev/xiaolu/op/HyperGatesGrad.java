package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradients of [HyperGates], by recomputing the forward with every intermediate and walking it back.
///
/// Takes `m [..., n(n+2)]`, `base`, `scale`, `dpre [..., n]`, `dpost [..., n]`,
/// `dcomb [..., n, n]`, gives `dm [..., n(n+2)]`, `dbase [leaves, n(n+2)]`, `dscale [leaves, 3]`, all F32.
/// - Each normalisation `y = x / (sum + epsilon)`, last one first: `t` = chain of `fma(dy, y, ·)`
///   along the normalised axis in ascending order from +0; `dx = (dy − t) / (sum + epsilon)`.
/// - Softmax, with `p = e / (e_0 + e_1 + …)` before `epsilon`: `t` = chain of `fma(dp_k, p_k, ·)` from +0; `dz_k = p_k · (dp_k − t)`.
/// - `pre`: `dz = dpre · (a · (1 − a))`; `post`: `dz = (2 · dpost) · (a · (1 − a))`, with `a` the sigmoid.
/// - `dm_i = scale_b · dz_i`. `dbase_i` sums `dz_i` over the rows of its leaf of work, `dscale_b`
///   sums each row's chain of `fma(dz_i, m_i, ·)` over the block in ascending order from +0:
///   both plain additions from +0 in leaves of 256 rows and the balanced tree.
///
/// @param iterations that of the forward operator
/// @param epsilon    that of the forward operator
/// @param leaves     number of leaves of work: equal runs of rows
public record HyperGatesGrad(int iterations, float epsilon, int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma().using("exp sigmoid").noting("dbase and dscale sum rows in leaves of 256");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "m base scale dpre dpost dcomb");
        Shape m = HyperGates.checked(this, inputs);
        Shape streams = m.with(-1, HyperGates.streams(m.last()));
        Types.same(this, "dpre", Types.f32(this, inputs, 3, "dpre"), "pre", streams);
        Types.same(this, "dpost", Types.f32(this, inputs, 4, "dpost"), "post", streams);
        Types.same(this, "dcomb", Types.f32(this, inputs, 5, "dcomb"), "comb", Types.append(streams, streams.last()));
        Types.leaves(this, leaves, m.rows());
        return List.of(TensorType.f32(m), TensorType.f32(Shape.of(leaves, m.last())), TensorType.f32(Shape.of(leaves, 3)));
    }
}
