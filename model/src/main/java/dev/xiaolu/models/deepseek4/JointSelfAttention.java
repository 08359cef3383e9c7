package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Linear;
import dev.xiaolu.nn.Norm;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.Weight;
import dev.xiaolu.op.AttentionShare;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.JointAttention;
import dev.xiaolu.op.RopePairs;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;

/// Attention over a sliding window of raw keys and over compressed entries of everything before, all heads sharing one head of keys that are their own values.
///
/// A layer with ratio 0 has the window alone. One with overlapping windows chooses entries by an indexer; any other sees all that are complete. A token sees the entry of a window from its last token on, if the window lies in the token's own document.
final class JointSelfAttention {
    private final DeepSeekV4Config config;
    private final int ratio;
    private final Linear queryDown;
    private final Norm queryNorm;
    private final Linear queryUp;
    private final Linear keys;
    private final Norm keyNorm;
    private final Tensor sink;                                   // [heads]
    private final Compressor compressor;
    private final Indexer indexer;
    private final Weight outputDown;                             // [groups · rank, heads / groups · dim]
    private final Linear outputUp;

    JointSelfAttention(DeepSeekV4Config config, Rounding rounding, Parameters.Scope scope, int ratio) {
        this.config = config;
        this.ratio = ratio;
        int hidden = config.hiddenSize();
        int heads = config.numHeads();
        int dim = config.headDim();
        float std = config.initStd();
        queryDown = Linear.of(scope.at("wq_a"), hidden, config.qLoraRank(), std);
        queryNorm = Norm.of(scope.at("q_norm"), config.qLoraRank(), config.normEpsilon());
        queryUp = Linear.of(scope.at("wq_b"), config.qLoraRank(), heads * dim, std);
        keys = Linear.of(scope.at("wkv"), hidden, dim, std);
        keyNorm = Norm.of(scope.at("kv_norm"), dim, config.normEpsilon());
        sink = scope.parameter("attn_sink", new Filler.Constant(0), heads);
        compressor = ratio == 0 ? null : new Compressor(config, scope.at("compressor"), ratio, dim);
        indexer = ratio == DeepSeekV4Config.SPARSE ? new Indexer(config, rounding, scope.at("indexer")) : null;
        outputDown = scope.at("wo_a").matrix(std, (long) config.oGroups() * config.oLoraRank(), (long) heads / config.oGroups() * dim);
        outputUp = Linear.of(scope.at("wo_b"), config.oGroups() * config.oLoraRank(), hidden, std);
    }

    /// The layer's part of a cache.
    HybridCache.Layer newCache(Arena arena, int capacity) {
        return new HybridCache.Layer(arena, config.slidingWindow(), config.headDim(), compressor == null ? null : compressor.newCache(arena, capacity),
                indexer == null ? null : indexer.newCache(arena, capacity));
    }

    /// Takes `x [batch, seq, hidden]` and the layer's rotation table, gives `[batch, seq, hidden]`: of whole sequences, or of one that continues what `cache` holds, unless it is null.
    /// `objective` is null outside training.
    Tensor forward(Tensor x, Batch batch, Tensor rope, HybridCache.Layer cache, Objective objective) {
        long sequences = batch.sequences();
        long length = batch.length();
        int dim = config.headDim();
        Tensor latent = queryNorm.forward(queryDown.forward(x));                         // [batch, seq, rank]
        Tensor q = queryUp.forward(latent).reshape(sequences, length, config.numHeads(), dim);
        q = Compute.one(new RopePairs(false), Compute.one(new UnitNorm(config.normEpsilon()), q), rope, batch.positions());
        Tensor raw = keyNorm.forward(keys.forward(x)).reshape(sequences, length, 1, dim);
        raw = Compute.one(new RopePairs(false), raw, rope, batch.positions()).reshape(sequences, length, dim);
        int start = batch.last().getInt(0, 0);                                           // position of the first token given
        int origin = cache == null ? 0 : start - cache.lookingBack();                           // and of the first raw key
        Tensor first = Positions.of(sequences, length, (sequence, i) -> Math.max(batch.first().getInt(sequence, i), batch.last().getInt(sequence, i) - config.slidingWindow() + 1) - origin);
        Tensor last = Positions.of(sequences, length, (sequence, i) -> batch.last().getInt(sequence, i) - origin);
        Tensor visible = Positions.runs(sequences, length, (sequence, i) -> ratio == 0 ? 0 : (batch.first().getInt(sequence, i) + ratio - 1) / ratio,
                (sequence, i) -> ratio == 0 ? 0 : (batch.last().getInt(sequence, i) + 1) / ratio);                // [batch, seq, 2]
        Tensor entries = compressor == null ? none(sequences, dim) : cache == null ? compressor.forward(x, rope, batch) : compressor.forward(x, rope, cache.entries());
        boolean gathered = indexer != null && entries.shape().axis(1) > config.indexTopk() && (objective == null || !objective.isDense());
        boolean taught = indexer != null && entries.shape().axis(1) > 0 && objective != null && objective.teachesIndexers();
        Tensor looked = taught ? Compute.detached(x) : x;                                // what the indexer looks at is not its to change
        Tensor keys = taught || gathered || indexer != null && cache != null ? indexer.keys(looked, rope, batch, cache == null ? null : cache.indexKeys()) : null;
        Tensor scores = taught || gathered ? indexer.scores(looked, taught ? Compute.detached(latent) : latent, keys, visible, batch, rope) : null;
        Tensor seen = gathered ? indexer.choose(scores, visible) : visible;
        if (cache != null) {
            raw = cache.joinKeys(raw);
        }
        var attention = new JointAttention((float) (1 / Math.sqrt(dim)), gathered);
        Tensor[] attended = Compute.run(attention, q, raw, entries, sink, first, last, Positions.of(sequences, origin), seen);
        if (taught) {
            Tensor share = Compute.one(new AttentionShare(attention.scale(), gathered), q, entries, attended[1], attended[2], seen);
            objective.taught(indexer.loss(scores, share, seen, gathered));
        }
        Tensor o = Compute.one(new RopePairs(true), attended[0], rope, batch.positions());                // [batch, seq, heads, dim]
        long perGroup = (long) config.numHeads() / config.oGroups() * dim;
        Tensor z = outputDown.run(new GroupedLinear(false), o.reshape(sequences, length, config.oGroups(), perGroup));
        return outputUp.forward(z.reshape(sequences, length, (long) config.oGroups() * config.oLoraRank()));
    }

    private static Tensor none(long sequences, int dim) {
        return Compute.current().scratch().allocate(new TensorType(DType.F32, Shape.of(sequences, 0, dim)));
    }
}
