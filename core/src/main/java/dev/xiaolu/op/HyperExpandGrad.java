package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [HyperExpand].
///
/// Takes `dstreams [..., n, hidden]`, gives `dx [..., hidden]`, both F32: plain additions of the streams in ascending order from +0.
public record HyperExpandGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().noting("sums over the streams are chains in ascending order");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "dstreams");
        Shape streams = Types.streams(this, inputs, 0, "dstreams");
        return List.of(TensorType.f32(Types.append(streams.part(0, streams.rank() - 2), streams.last())));
    }
}
