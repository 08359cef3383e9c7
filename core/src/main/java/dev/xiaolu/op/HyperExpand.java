package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Starts the streams of hyper-connections: so many copies of a hidden state, side by side.
///
/// Takes `x [..., hidden]`, gives `streams [..., n, hidden]`, both F32. Source: Zhu et al. 2024, arXiv:2409.19606.
///
/// @param streams number of copies `n`; at least 1
public record HyperExpand(int streams) implements Op.Differentiable {
    public HyperExpand {
        check(streams >= 1, "HyperExpand: %d streams, wanted at least 1", streams);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Shape x = Types.f32(this, inputs, 0, "x");
        check(x.rank() >= 1, "HyperExpand: x is %s, wanted [..., hidden]", x);
        return List.of(TensorType.f32(Types.append(x.with(-1, streams), x.last())));
    }
}
