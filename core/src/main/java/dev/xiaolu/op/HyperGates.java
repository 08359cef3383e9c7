package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The gates of manifold-constrained hyper-connections: how `n` residual streams are read, written and mixed, from one projection of all of them.
///
/// Takes `m [..., n(n+2)]`, `base [n(n+2)]` and `scale [3]`, gives `pre [..., n]`,
/// `post [..., n]` and `comb [..., n, n]`, all F32. The last axis of `m` holds `pre`, `post` and
/// `comb` (row-major) in this order, and `scale` has one factor for each. In order, each operation rounded once:
/// - `z_i = fma(scale_b, m_i, base_i)`, `b` the block of `i`; `pre_s = sigmoid(z_s) + epsilon`; `post_s = 2 · sigmoid(z_{n+s})`; `C` = the rest of `z`.
/// - Softmax of each row `j` of `C`: `e_k = exp(C_jk − max)`, `M_jk = e_k / (e_0 + e_1 + …) + epsilon`.
/// - Columns: `M_jk = M_jk / ((M_0k + M_1k + …) + epsilon)`. Then `iterations − 1` times:
///   rows, `M_jk = M_jk / ((M_j0 + M_j1 + …) + epsilon)`, and columns again. `comb = M`.
///
/// Sums over the streams are plain additions in ascending order. A NaN among the `z` of `comb` makes all of `comb` NaN.
/// Source: Xie et al. 2025, arXiv:2512.24880; Sinkhorn and Knopp 1967.
///
/// @param iterations normalisations of the columns; at least 1
/// @param epsilon    keeps gates and sums away from 0; positive
public record HyperGates(int iterations, float epsilon) implements Op.Differentiable {
    public HyperGates {
        check(iterations >= 1, "HyperGates: %d iterations, wanted at least 1", iterations);
        check(epsilon > 0, "HyperGates: epsilon is %s, wanted a positive number", epsilon);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().withFma().using("exp sigmoid").noting("sums over the streams are chains in ascending order");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "m base scale");
        Shape m = checked(this, inputs);
        int streams = streams(m.last());
        return List.of(TensorType.f32(m.with(-1, streams)), TensorType.f32(m.with(-1, streams)), TensorType.f32(Types.append(m.with(-1, streams), streams)));
    }

    /// The shape of `m`, once it, `base` and `scale` fit together.
    static Shape checked(Op op, List<TensorType> inputs) {
        Shape m = Types.f32(op, inputs, 0, "m");
        int streams = streams(m.last());
        check(m.rank() >= 1 && streams >= 1 && streams * (streams + 2L) == m.last(), "%s: m is %s, wanted a last axis of n(n + 2) for n streams", op.name(), m);
        Types.same(op, "base", Types.f32(op, inputs, 1, "base"), "the last axis of m", Shape.of(m.last()));
        Types.same(op, "scale", Types.f32(op, inputs, 2, "scale"), "one factor for each of pre, post and comb", Shape.of(3));
        return m;
    }

    /// The number of streams `n` for `n(n + 2)` gates.
    public static int streams(long gates) {
        return (int) Math.round(Math.sqrt(gates + 1.0)) - 1;
    }
}
