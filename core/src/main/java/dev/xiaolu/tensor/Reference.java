package dev.xiaolu.tensor;

import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.AttentionGrad;
import dev.xiaolu.op.Axpby;
import dev.xiaolu.op.Cast;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.CrossEntropyGrad;
import dev.xiaolu.op.Dequantise;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.EmbedGrad;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.FixedAdd;
import dev.xiaolu.op.FixedMean;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Mean;
import dev.xiaolu.op.MeanGrad;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.Quantise;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.Rope;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.SwiGluGrad;
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
        }
    }

    @Override public void close() {}
}
