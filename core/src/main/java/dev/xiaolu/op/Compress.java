package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Pools every window of `ratio` tokens into one entry: a softmax of gates over the window, for each channel by itself.
///
/// Takes `content [batch, tokens, k · channels]`, `gate [batch, tokens, k · channels]` and `bias [ratio, k · channels]` by a token's place in its window, all F32; gives `entries [batch, windows, channels]`.
/// `k` is 1, or 2 with `overlap`: then the first half of the channels serves the window after the token's own, the second half the token's own. Windows are counted from the first token; what is left behind
/// the last whole one gives nothing.
///
/// The slots of a window are its `ratio` tokens in ascending order; with `overlap` they are preceded by the tokens of the window before, which the first window lacks: it has only its own.
/// With `overlap` a fourth input may follow, `since [batch, windows]` I32: of the window before an entry has no token whose index is below its `since`, so that no entry reaches into another document.
/// For each channel, over the slots: `g_j = gate_j + bias_j`; `m` = the greatest `g_j` (NaN passed over, starting from −∞, −0 becoming +0); `p_j = exp(g_j − m)`, relative to 0 where `m` is −∞;
/// `l` = one chain of additions of `p_j`, `o` = one chain of `fma(p_j, content_j, ·)`, both ascending from +0; the entry is `o · (1 / l)`.
/// So an entry is a function of its own slots and the same whether its tokens come in one call or in many.
///
/// Throws [IndexOutOfBoundsException] for `since` below 0 or behind the first token of the entry's own window. Source: the compressors of DeepSeek-V4, arXiv:2606.19348.
///
/// @param ratio     tokens in a window
/// @param overlap   whether a window also pools the one before
/// @param continued whether the first `ratio` tokens are the window before those asked for and give no entry of their own; only with `overlap`
public record Compress(int ratio, boolean overlap, boolean continued) implements Op.Differentiable {
    public Compress {
        check(ratio > 0 && slots(ratio, overlap) <= Numerics.LEAF, "Compress: ratio is %d%s, wanted windows of 1 to %d slots", ratio, overlap ? " with overlap" : "", Numerics.LEAF);
        check(overlap || !continued, "Compress: continued needs overlap; without it no window reaches into the one before");
    }

    private static long slots(int ratio, boolean overlap) {
        return overlap ? 2L * ratio : ratio;
    }

    /// The number of entries that so many tokens give.
    public long entries(long tokens) {
        return tokens / ratio - (continued ? 1 : 0);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.LEAVES).withFma().using("exp").noting("a window is one leaf");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        boolean held = overlap && inputs.size() > 3;
        Types.count(this, inputs, "content gate bias" + (held ? " since" : ""));
        Shape content = Types.f32(this, inputs, 0, "content");
        check(content.rank() == 3 && (!overlap || content.last() % 2 == 0), "Compress: content is %s, wanted [batch, tokens, %s]", content, overlap ? "2 · channels" : "channels");
        Types.same(this, "gate", Types.f32(this, inputs, 1, "gate"), "content", content);
        Types.same(this, "bias", Types.f32(this, inputs, 2, "bias"), "[ratio, the last axis of content]", Shape.of(ratio, content.last()));
        check(!continued || content.axis(1) >= ratio, "Compress: content is %s, wanted at least the %d tokens of the window before", content, ratio);
        if (held) {
            Types.same(this, "since", Types.typed(this, inputs, 3, "since", DType.I32), "[batch, windows]", Shape.of(content.axis(0), entries(content.axis(1))));
        }
        return List.of(TensorType.f32(Shape.of(content.axis(0), entries(content.axis(1)), overlap ? content.last() / 2 : content.last())));
    }
}
