package dev.xiaolu.op;

import dev.xiaolu.shape.TensorType;
import java.util.List;

/// An operator: a value that says what is to be computed, with its shapes and its numeric contract, and computes nothing.
///
/// Sealed, so that the reference backend, the gradient table and the cost table switch over it without a default and the
/// compiler lists what a new operator still lacks. Immutable and thread-safe.
public sealed interface Op permits Op.Choice, Op.Differentiable, Op.Gradient, Op.Plain {
    /// An operator of a forward pass whose outputs are choices: indices, or values that count as constants. The tape stops there.
    sealed interface Choice extends Op
            permits AttentionShare, ExpertLookup, ExpertPlan, TopEntries, TopExperts {}

    /// An operator of a forward pass: the gradient table has a row for it.
    sealed interface Differentiable extends Op
            permits Add, Attention, BalanceLoss, ClampedSwiGlu, Combine, Compress, CrossEntropy, Embed, ExpertLinear, FakeQuantise, GroupedLinear, Hadamard,
            HyperCollapse, HyperExpand, HyperGates, HyperHeadGates, HyperMix, IndexLoss, IndexScores, JointAttention, MatMul, Mean, RmsNorm, Rope, RopePairs,
            RouteScores, RouteWeights, Scale, Softmax, SqrtSoftplus, SwiGlu, TakeRows, UnitNorm {}

    /// An operator of a backward pass: nobody asks for its gradient.
    sealed interface Gradient extends Op
            permits AttentionGrad, BalanceLossGrad, ClampedSwiGluGrad, CombineGrad, CompressGrad, CrossEntropyGrad, EmbedGrad, ExpertLinearGrad, GroupedLinearGrad,
            HyperCollapseGrad, HyperExpandGrad, HyperGatesGrad, HyperHeadGatesGrad, HyperMixGrad, IndexLossGrad, IndexScoresGrad, JointAttentionGrad, MeanGrad,
            RmsNormGrad, RouteScoresGrad, RouteWeightsGrad, SoftmaxGrad, SqrtSoftplusGrad, SwiGluGrad, TakeRowsGrad, UnitNormGrad {}

    /// An operator outside the tape: copies, conversions, random fills, sums of gradients and optimizer steps.
    /// Those that change a tensor in place say so in their first sentence; they take it as an input and give no output for it.
    sealed interface Plain extends Op
            permits AdamW, Axpby, Cast, Dequantise, Digest, ExpertLoad, FixedAdd, FixedMean, Quantise, RandomNormal, RouterBiasStep, SquareSums,
            WidenFp4 {}

    /// The contract on the arithmetic.
    Numerics numerics();

    /// The types of the outputs for inputs of these types; throws [IllegalArgumentException] naming the input that does not fit.
    List<TensorType> infer(List<TensorType> inputs);

    /// The operator's name without its parameters, for example `RmsNorm`.
    default String name() {
        return Types.NAMES.get(getClass());
    }
}
