package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.ArrayList;
import java.util.List;

/// Gradients of [Compress], with the probabilities computed again.
///
/// Takes `content gate bias` as the forward operator took them, `dy [batch, windows, channels]`, and `since` if that took it; gives `dcontent` and `dgate` shaped as `content`, and `dbias [leaves, ratio, k · channels]`.
/// For each entry and channel, with `m`, `l`, `o` as in the forward operator and `r = 1 / l`: `delta = dy · (o · r)`; for each slot `p_j = exp(g_j − m) · r`,
/// `dcontent_j = p_j · dy`, `dgate_j = p_j · (dy · content_j − delta)`, the difference being of two rounded products. Elements that no entry reads give +0.
/// `dbias` adds `dgate` over the whole windows of its leaf of work, ascending and counted from 0: plain additions from +0 in leaves of 256 windows and the balanced tree.
///
/// @param ratio     that of the forward operator, as the next two
/// @param overlap   whether a window also pools the one before
/// @param continued whether the first window gives no entry
/// @param leaves    number of leaves of work: equal runs of sequences
public record CompressGrad(int ratio, boolean overlap, boolean continued, int leaves) implements Op.Gradient {
    @Override public Numerics numerics() {
        return new Compress(ratio, overlap, continued).numerics();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        boolean held = overlap && inputs.size() > 4;
        Types.count(this, inputs, "content gate bias dy" + (held ? " since" : ""));
        List<TensorType> forward = new ArrayList<>(inputs.subList(0, 3));
        forward.addAll(inputs.subList(4, inputs.size()));
        Shape y = new Compress(ratio, overlap, continued).infer(forward).getFirst().shape();
        Types.same(this, "dy", Types.f32(this, inputs, 3, "dy"), "the entries", y);
        Types.leaves(this, leaves, y.axis(0));
        return List.of(inputs.get(0), inputs.get(1), TensorType.f32(inputs.get(2).shape().prepend(leaves)));
    }
}
