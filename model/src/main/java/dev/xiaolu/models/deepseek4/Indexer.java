package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Linear;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.Hadamard;
import dev.xiaolu.op.IndexLoss;
import dev.xiaolu.op.IndexScores;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.Scale;
import dev.xiaolu.op.TopEntries;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;

/// Chooses the entries that a token attends to, by keys and queries of its own, and is taught by the attention over them.
final class Indexer {
    private final DeepSeekV4Config config;
    private final Rounding rounding;
    private final Linear queries;
    private final Linear weights;
    private final Compressor compressor;

    Indexer(DeepSeekV4Config config, Rounding rounding, Parameters.Scope scope) {
        checkInput(!rounding.indexer() || Integer.bitCount(config.indexHeadDim()) == 1, "index_head_dim is %d, wanted a power of two where the indexer is rounded to FP4", config.indexHeadDim());
        this.config = config;
        this.rounding = rounding;
        queries = Linear.of(scope.at("wq_b"), config.qLoraRank(), config.indexNHeads() * config.indexHeadDim(), config.initStd());
        weights = Linear.of(scope.at("weights_proj"), config.hiddenSize(), config.indexNHeads(), config.initStd());
        compressor = new Compressor(config, scope.at("compressor"), DeepSeekV4Config.SPARSE, config.indexHeadDim());
    }

    EntryCache newCache(Arena arena, int capacity) {
        return compressor.newCache(arena, capacity);
    }

    /// Keys `[batch, count, dim]` of the entries of whole sequences, or of everything that `cache` holds with `x` behind it, unless it is null.
    Tensor keys(Tensor x, Tensor rope, Batch batch, EntryCache cache) {
        return rounded(cache == null ? compressor.forward(x, rope, batch) : compressor.forward(x, rope, cache));
    }

    /// Takes `x [batch, seq, hidden]`, `latent [batch, seq, rank]` and the keys, gives a score for each token and entry, `[batch, seq, count]`, without the factor `1/√(heads · dim)`: it changes no choice.
    Tensor scores(Tensor x, Tensor latent, Tensor keys, Tensor visible, Batch batch, Tensor rope) {
        Tensor q = queries.forward(latent).reshape(batch.sequences(), batch.length(), config.indexNHeads(), config.indexHeadDim());
        q = rounded(Compute.one(new RopePairs(false), q, rope, batch.positions()));
        return Compute.one(new IndexScores(), q, keys, weights.forward(x), visible);
    }

    /// The entries of greatest score, `[batch, seq, places]`.
    Tensor choose(Tensor scores, Tensor visible) {
        return Compute.one(new TopEntries(config.indexTopk()), scores, visible);
    }

    /// How far the softmax of a token's scores is from its attention's shares among the same entries, `[batch, seq]`.
    ///
    /// @param seen     the run of entries that each token sees, or which ones if `gathered`
    Tensor loss(Tensor scores, Tensor share, Tensor seen, boolean gathered) {
        float factor = (float) (1 / Math.sqrt((double) config.indexNHeads() * config.indexHeadDim()));
        return Compute.run(new IndexLoss(gathered), Compute.one(new Scale(factor), scores), share, seen)[0];
    }

    /// The rotation spreads outliers over all channels before they share a scale; it changes no product of rotated rows.
    private Tensor rounded(Tensor x) {
        return rounding.indexer() && x.shape().size() > 0 ? Compute.one(FakeQuantise.fp4Indexer(config.indexHeadDim()), Compute.one(new Hadamard(), x)) : x;
    }
}
