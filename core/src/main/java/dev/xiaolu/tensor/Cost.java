package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

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

/// What operators cost, by their definitions: the operations of products and the bytes of tensors. A kernel may do less of either where the definition says that a part is absent, and never more useful ones.
public final class Cost {
    private Cost() {}

    /// Floating-point operations of the products in this call, a multiply-add counted as two; of attention those of the keys that queries see. 0 for operators without products, whose cost is their bytes.
    public static double operations(Op op, Tensor[] in, Tensor[] out) {
        return switch (op) {
            case MatMul product -> 2.0 * out[0].shape().size() * in[0].shape().axis(product.transposeA() ? -2 : -1);
            case ExpertLinear _, GroupedLinear _ -> 2.0 * out[0].shape().size() * in[0].shape().last();
            case ExpertLinearGrad _, GroupedLinearGrad _ -> 2.0 * in[0].shape().size() * in[1].shape().last();
            case Attention _ -> 4 * perKey(in[0]) * runs(in[3], in[4]);
            case AttentionGrad _ -> 10 * perKey(in[0]) * runs(in[3], in[4]);
            case JointAttention joint -> 4 * perKey(in[0]) * (runs(in[4], in[5]) + entries(in[7], joint.gathered()));
            case JointAttentionGrad joint -> 10 * perKey(in[0]) * (runs(in[4], in[5]) + entries(in[7], joint.gathered()));
            case AttentionShare share -> 2 * perKey(in[0]) * entries(in[4], share.gathered());
            case IndexScores _ -> 2 * perKey(in[0]) * entries(in[3], false);
            case IndexScoresGrad _ -> 6 * perKey(in[0]) * entries(in[3], false);
            case AdamW _, Add _, Axpby _, BalanceLoss _, BalanceLossGrad _, Cast _, ClampedSwiGlu _, ClampedSwiGluGrad _, Combine _, CombineGrad _, Compress _, CompressGrad _, CrossEntropy _, CrossEntropyGrad _,
                    Dequantise _, Digest _, Embed _, EmbedGrad _, ExpertLoad _, ExpertLookup _, ExpertPlan _, FakeQuantise _, FixedAdd _, FixedMean _, Hadamard _, HyperCollapse _, HyperCollapseGrad _,
                    HyperExpand _, HyperExpandGrad _, HyperGates _, HyperGatesGrad _, HyperHeadGates _, HyperHeadGatesGrad _, HyperMix _, HyperMixGrad _, IndexLoss _, IndexLossGrad _, Mean _, MeanGrad _,
                    Quantise _, RandomNormal _, RmsNorm _, RmsNormGrad _, Rope _, RopePairs _, RouteScores _, RouteScoresGrad _, RouteWeights _, RouteWeightsGrad _, RouterBiasStep _, Scale _, Softmax _,
                    SoftmaxGrad _, SqrtSoftplus _, SqrtSoftplusGrad _, SquareSums _, SwiGlu _, SwiGluGrad _, TakeRows _, TakeRowsGrad _, TopEntries _, TopExperts _, UnitNorm _, UnitNormGrad _, WidenFp4 _ -> 0;
        };
    }

    /// Bytes of what goes in and of what comes out, each element once; of operators that change their inputs in place, twice; of a looked-up table the rows that are read.
    public static double bytes(Op op, Tensor[] in, Tensor[] out) {
        double read = 0;
        for (int i = 0; i < in.length; i++) {
            read += op instanceof Embed && i == 0 ? out[0].type().bytes() : in[i].type().bytes();
        }
        double written = 0;
        for (Tensor tensor : out) {
            written += tensor.type().bytes();
        }
        return out.length == 0 ? 2 * read : read + written;
    }

    /// Multiply-adds of one query's heads with one key, of queries `[batch, queries, heads, dim]`.
    private static double perKey(Tensor queries) {
        return queries.shape().axis(2) * queries.shape().last();
    }

    /// Keys seen by all queries together, from the first and last one of each.
    private static double runs(Tensor first, Tensor last) {
        double seen = 0;
        for (long i = 0; i < first.shape().size(); i++) {
            seen += Math.max(0, at(last, i) - at(first, i) + 1);
        }
        return seen;
    }

    /// Entries seen by all queries together: up to a number, between two, or those that are named.
    private static double entries(Tensor seen, boolean gathered) {
        double all = 0;
        boolean between = !gathered && seen.shape().rank() == 3;
        for (long i = 0; i < seen.shape().size(); i++) {
            int value = at(seen, i);
            all += gathered ? value >= 0 ? 1 : 0 : between && i % 2 == 0 ? -value : value;
        }
        return all;
    }

    private static int at(Tensor tensor, long index) {
        return tensor.data().get(JAVA_INT, Integer.BYTES * tensor.offsetOf(index));
    }
}
