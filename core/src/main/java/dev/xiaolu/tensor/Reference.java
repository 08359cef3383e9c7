package dev.xiaolu.tensor;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.BalanceLossGrad;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ClampedSwiGluGrad;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.CombineGrad;
import dev.xiaolu.op.Compress;
import dev.xiaolu.op.CompressGrad;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.ExpertLoad;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.HyperExpandGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexLossGrad;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.IndexScoresGrad;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.JointAttentionGrad;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteScoresGrad;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.RouteWeightsGrad;
import dev.xiaolu.op.RouterBiasStep;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SoftmaxGrad;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.SqrtSoftplusGrad;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TakeRowsGrad;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.op.UnitNormGrad;
import dev.xiaolu.op.WidenFp4;

/// The backend that is the law: one plain loop for each operator, readable and never tuned. Single-threaded.
public final class Reference implements Backend {
    /// Always present, always the last choice.
    public static final BackendProvider PROVIDER = new BackendProvider() {
        @Override public String name() {
            return "reference";
        }

        @Override public int preference() {
            return 0;
        }

        @Override public Backend open(int threads) {
            return new Reference();
        }
    };

    @Override public String name() {
        return "reference";
    }

    @Override public String describe() {
        return "plain Java loops, 1 thread";
    }

    @Override public boolean supports(Class<? extends Op> op) {
        return true;
    }

    @Override public void run(Op op, Tensor[] in, Tensor[] out) {
        switch (op) {
            case MatMul matMul -> ReferenceMatMul.run(matMul, in, out);
            case Attention attention -> ReferenceAttention.run(attention, in, out);
            case AttentionGrad attention -> ReferenceAttention.run(attention, in, out);
            case AttentionShare share -> ReferenceJointAttention.run(share, in, out);
            case Compress compress -> ReferenceCompress.run(compress, in, out);
            case CompressGrad compress -> ReferenceCompress.run(compress, in, out);
            case Hadamard hadamard -> ReferenceRotations.run(hadamard, in, out);
            case IndexLoss loss -> ReferenceIndexer.run(loss, in, out);
            case IndexLossGrad loss -> ReferenceIndexer.run(loss, in, out);
            case IndexScores scores -> ReferenceIndexer.run(scores, in, out);
            case IndexScoresGrad scores -> ReferenceIndexer.run(scores, in, out);
            case JointAttention attention -> ReferenceJointAttention.run(attention, in, out);
            case JointAttentionGrad attention -> ReferenceJointAttention.run(attention, in, out);
            case RopePairs rope -> ReferenceRotations.run(rope, in, out);
            case TopEntries top -> ReferenceIndexer.run(top, in, out);
            case RmsNorm norm -> ReferenceRows.run(norm, in, out);
            case RmsNormGrad norm -> ReferenceRows.run(norm, in, out);
            case CrossEntropy loss -> ReferenceRows.run(loss, in, out);
            case CrossEntropyGrad loss -> ReferenceRows.run(loss, in, out);
            case Mean mean -> ReferenceRows.run(mean, in, out);
            case MeanGrad mean -> ReferenceRows.run(mean, in, out);
            case SquareSums squares -> ReferenceRows.run(squares, in, out);
            case Embed embed -> ReferenceRows.run(embed, in, out);
            case EmbedGrad embed -> ReferenceRows.run(embed, in, out);
            case Rope rope -> ReferenceRows.run(rope, in, out);
            case Add add -> ReferenceElements.run(add, in, out);
            case Axpby axpby -> ReferenceElements.run(axpby, in, out);
            case Scale scale -> ReferenceElements.run(scale, in, out);
            case Cast cast -> ReferenceElements.run(cast, in, out);
            case SwiGlu gate -> ReferenceElements.run(gate, in, out);
            case SwiGluGrad gate -> ReferenceElements.run(gate, in, out);
            case AdamW adamW -> ReferenceElements.run(adamW, in, out);
            case Digest digest -> ReferenceElements.run(digest, in, out);
            case FixedAdd add -> ReferenceElements.run(add, in, out);
            case FixedMean mean -> ReferenceElements.run(mean, in, out);
            case RandomNormal normal -> ReferenceElements.run(normal, in, out);
            case Dequantise blocks -> ReferenceBlocks.run(blocks, in, out);
            case FakeQuantise groups -> ReferenceBlocks.run(groups, in, out);
            case Quantise blocks -> ReferenceBlocks.run(blocks, in, out);
            case WidenFp4 blocks -> ReferenceBlocks.run(blocks, in, out);
            case HyperCollapse collapse -> ReferenceHyper.run(collapse, in, out);
            case HyperCollapseGrad collapse -> ReferenceHyper.run(collapse, in, out);
            case HyperExpand expand -> ReferenceHyper.run(expand, in, out);
            case HyperExpandGrad expand -> ReferenceHyper.run(expand, in, out);
            case HyperGates gates -> ReferenceHyper.run(gates, in, out);
            case HyperGatesGrad gates -> ReferenceHyper.run(gates, in, out);
            case HyperHeadGates gates -> ReferenceHyper.run(gates, in, out);
            case HyperHeadGatesGrad gates -> ReferenceHyper.run(gates, in, out);
            case HyperMix mix -> ReferenceHyper.run(mix, in, out);
            case HyperMixGrad mix -> ReferenceHyper.run(mix, in, out);
            case UnitNorm norm -> ReferenceHyper.run(norm, in, out);
            case UnitNormGrad norm -> ReferenceHyper.run(norm, in, out);
            case BalanceLoss loss -> ReferenceRouter.run(loss, in, out);
            case BalanceLossGrad loss -> ReferenceRouter.run(loss, in, out);
            case ExpertLoad load -> ReferenceRouter.run(load, in, out);
            case ExpertLookup lookup -> ReferenceRouter.run(lookup, in, out);
            case RouteScores scores -> ReferenceSoftmax.run(scores, in, out);
            case RouteScoresGrad scores -> ReferenceSoftmax.run(scores, in, out);
            case RouteWeights weights -> ReferenceRouter.run(weights, in, out);
            case RouteWeightsGrad weights -> ReferenceRouter.run(weights, in, out);
            case RouterBiasStep step -> ReferenceRouter.run(step, in, out);
            case Softmax softmax -> ReferenceSoftmax.run(softmax, in, out);
            case SoftmaxGrad softmax -> ReferenceSoftmax.run(softmax, in, out);
            case SqrtSoftplus score -> ReferenceRouter.run(score, in, out);
            case SqrtSoftplusGrad score -> ReferenceRouter.run(score, in, out);
            case TopExperts top -> ReferenceRouter.run(top, in, out);
            case ClampedSwiGlu gate -> ReferenceExperts.run(gate, in, out);
            case ClampedSwiGluGrad gate -> ReferenceExperts.run(gate, in, out);
            case Combine combine -> ReferenceExperts.run(combine, in, out);
            case CombineGrad combine -> ReferenceExperts.run(combine, in, out);
            case ExpertLinear linear -> ReferenceExperts.run(linear, in, out);
            case ExpertLinearGrad linear -> ReferenceExperts.run(linear, in, out);
            case ExpertPlan plan -> ReferenceExperts.run(plan, in, out);
            case GroupedLinear linear -> ReferenceExperts.run(linear, in, out);
            case GroupedLinearGrad linear -> ReferenceExperts.run(linear, in, out);
            case TakeRows take -> ReferenceExperts.run(take, in, out);
            case TakeRowsGrad take -> ReferenceExperts.run(take, in, out);
        }
    }

    @Override public void close() {}
}
