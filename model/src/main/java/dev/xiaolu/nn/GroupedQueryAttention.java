package dev.xiaolu.nn;

import dev.xiaolu.op.Attention;
import dev.xiaolu.op.Rope;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Causal attention whose query heads share fewer heads of keys and values, with rotary positions; its keys and values are cached where a cache is given.
///
/// Source: Ainslie et al. 2023, arXiv:2305.13245; the norms of queries and keys by head: Yang et al. 2025, arXiv:2505.09388.
public final class GroupedQueryAttention {
    private final Sizes sizes;
    private final int layer;
    private final Linear queries;
    private final Linear keys;
    private final Linear values;
    private final Linear output;
    private final Norm queryNorm;
    private final Norm keyNorm;

    /// The sizes of one layer's attention.
    ///
    /// @param normed      whether queries and keys are normed by head
    /// @param normEpsilon of those norms
    public record Sizes(int hiddenSize, int numHeads, int numKvHeads, int headDim, boolean normed, float normEpsilon) {
        /// Number of parameters.
        public long parameterCount() {
            return (long) hiddenSize * headDim * (2L * numHeads + 2L * numKvHeads) + (normed ? 2L * headDim : 0);
        }

        /// An empty cache for so many layers.
        public KvCache newCache(int layers, int capacity) {
            return new KvCache(layers, capacity, numKvHeads, headDim);
        }
    }

    /// New attention in `scope`, the part `layer` of caches; `outputStd` is the deviation of the projection back to the residual stream.
    public GroupedQueryAttention(Sizes sizes, int layer, Parameters.Scope scope, float std, float outputStd) {
        this.sizes = sizes;
        this.layer = layer;
        int hidden = sizes.hiddenSize;
        int dim = sizes.headDim;
        queries = Linear.of(scope.at("q_proj"), hidden, sizes.numHeads * dim, std);
        keys = Linear.of(scope.at("k_proj"), hidden, sizes.numKvHeads * dim, std);
        values = Linear.of(scope.at("v_proj"), hidden, sizes.numKvHeads * dim, std);
        output = Linear.of(scope.at("o_proj"), sizes.numHeads * dim, hidden, outputStd);
        queryNorm = sizes.normed ? Norm.of(scope.at("q_norm"), dim, sizes.normEpsilon) : null;
        keyNorm = sizes.normed ? Norm.of(scope.at("k_norm"), dim, sizes.normEpsilon) : null;
    }

    /// Takes `x [batch, seq, hidden]` and the rotation table `[positions, dim]`, gives `[batch, seq, hidden]`: of whole sequences, or of one that continues what `cache` holds, unless it is null.
    public Tensor forward(Tensor x, Batch batch, Tensor rope, KvCache cache) {
        Tensor q = rotated(queries.forward(x), sizes.numHeads, queryNorm, batch, rope);          // [batch, seq, heads, dim]
        Tensor k = rotated(keys.forward(x), sizes.numKvHeads, keyNorm, batch, rope);             // [batch, seq, kvHeads, dim]
        Tensor v = values.forward(x).reshape(headed(batch, sizes.numKvHeads));                   // [batch, seq, kvHeads, dim]
        if (cache != null) {
            k = cache.appendKeys(layer, k);
            v = cache.appendValues(layer, v);
        }
        float scale = (float) (1 / Math.sqrt(sizes.headDim));
        Tensor o = Compute.run(new Attention(scale), q, k, v, batch.first(), batch.last())[0];   // [batch, seq, heads, dim]
        return output.forward(o.reshape(batch.sequences(), batch.length(), (long) sizes.numHeads * sizes.headDim));
    }

    private Tensor rotated(Tensor x, int heads, Norm headNorm, Batch batch, Tensor rope) {
        Tensor headed = x.reshape(headed(batch, heads));
        return Compute.one(new Rope(false), headNorm == null ? headed : headNorm.forward(headed), rope, batch.positions());
    }

    private Shape headed(Batch batch, int heads) {
        return Shape.of(batch.sequences(), batch.length(), heads, sizes.headDim);
    }
}
