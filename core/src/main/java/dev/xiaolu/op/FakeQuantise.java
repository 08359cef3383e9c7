package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// What quantisation leaves of the first channels: each group of channels goes through [Quantise] and back, all in F32; the other channels stay as they are.
///
/// Takes `x [..., hidden]` F32, gives `y [..., hidden]` F32. Groups are counted from the first channel; the last one may be smaller.
/// Gradients pass straight through, as if nothing were rounded; a parameter that is rounded keeps its gradient for each leaf of work. Source: Bengio et al. 2013, arXiv:1308.3432.
///
/// @param codes    the type that is gone through
/// @param group    channels that share a scale
/// @param channels channels from the first on that are quantised, 0 to hidden
/// @param floor    the least magnitude that a scale is made for, not negative
public record FakeQuantise(Codes codes, int group, int channels, float floor) implements Op.Differentiable {
    public FakeQuantise {
        check(group > 0, "FakeQuantise: group is %d, wanted a positive number", group);
        check(channels >= 0, "FakeQuantise: channels is %d, wanted 0 or more", channels);
        check(floor >= 0 && floor < Float.POSITIVE_INFINITY, "FakeQuantise: floor is %s, wanted a finite number from 0 up", floor);
    }

    /// FP8 in groups of 64 on the first `channels`, as a cache of keys and values keeps what is not rotated.
    public static FakeQuantise fp8Cache(int channels) {
        return new FakeQuantise(Codes.FP8, 64, channels, Quantise.ACTIVATION_FLOOR);
    }

    /// FP4 in groups of 32 on all of `channels`, as an indexer keeps its keys and queries.
    public static FakeQuantise fp4Indexer(int channels) {
        return new FakeQuantise(Codes.FP4, 32, channels, Quantise.FP4_FLOOR);
    }

    /// FP4 in groups of 32 on all of `channels`, as experts' weights `[experts, out, in]` are published: what [Quantise#fp4] makes of them and back.
    public static FakeQuantise fp4Weights(int channels) {
        return new FakeQuantise(Codes.FP4, 32, channels, Quantise.FP4_FLOOR);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Shape x = Types.f32(this, inputs, 0, "x");
        check(x.rank() >= 1 && channels <= x.last(), "FakeQuantise: x is %s, wanted at least %d channels", x, channels);
        return List.of(TensorType.f32(x));
    }
}
