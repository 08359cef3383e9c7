package dev.xiaolu.models.deepseek4;

import dev.xiaolu.shape.Shape;
import java.util.List;
import java.util.stream.Collectors;

/// One tensor of the model under our name, which is the native one; only the experts of a layer, published one by one, are one tensor `[experts, out, in]` here.
///
/// @param name         for example `layers.0.attn.wq_a.weight` or `layers.0.ffn.experts.w1.weight`
/// @param transformers the name in transformers' layout, empty where it has none
/// @param rowsFrom     the row in transformers' tensor at which this one begins: its gate and up projections lie in one
/// @param kind         how it is published
/// @param axes         the axes, outermost first, with the keys that imply their sizes
record DeepSeekV4Tensor(String name, String transformers, long rowsFrom, Kind kind, List<Axis> axes) {
    /// How a tensor is published where weights are quantised.
    enum Kind {
        /// BF16, also where others are quantised.
        PLAIN,
        /// F32 always.
        FULL,
        /// F32 always, and no parameter of the published counts: the router's bias.
        BIAS,
        /// FP8 in blocks of 128 × 128.
        MATRIX,
        /// FP4 in groups of 32, one matrix for each expert.
        EXPERTS,
        /// Expert ids for each token, I64 in files and I32 in memory.
        TABLE
    }

    /// One axis.
    record Axis(String keys, long size) {}

    Shape shape() {
        return Shape.of(axes.stream().mapToLong(Axis::size).toArray());
    }

    /// What the config says of the shape, for example `[q_lora_rank, hidden_size]`.
    String keys(int from) {
        return axes.subList(from, axes.size()).stream().map(Axis::keys).collect(Collectors.joining(", ", "[", "]"));
    }

    /// Whether it belongs to the block that predicts one token more.
    boolean isPrediction() {
        return name.startsWith("mtp.");
    }

    boolean isQuantisable() {
        return kind == Kind.MATRIX || kind == Kind.EXPERTS;
    }

    /// Elements that count as parameters.
    long parameters() {
        return kind == Kind.BIAS || kind == Kind.TABLE ? 0 : shape().size();
    }
}
