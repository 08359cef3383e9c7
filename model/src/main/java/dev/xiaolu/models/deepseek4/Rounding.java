package dev.xiaolu.models.deepseek4;

/// What a model rounds to four bits on the way into its products, so that it learns to be published so: the parameters themselves stay F32, and gradients go straight through to them.
/// Source: DeepSeek-AI 2026, arXiv:2606.19348, §5.2.1.
///
/// @param experts whether the routed experts' weights are what their codes in FP4, 32 columns to a scale, stand for
/// @param indexer whether the indexer's queries and keys are, after a Hadamard rotation; the size of its heads must then be a power of two
public record Rounding(boolean experts, boolean indexer) {
    /// Nothing is rounded.
    public static final Rounding NONE = new Rounding(false, false);
}
