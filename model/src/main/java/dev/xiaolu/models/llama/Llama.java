package dev.xiaolu.models.llama;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.FeedForward;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.GroupedQueryAttention;
import dev.xiaolu.nn.KvCache;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Norm;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RopeTable;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/// The Llama family: pre-norm decoder with rotary grouped-query attention and SwiGLU; Llama 2 and 3, and Qwen3 dense with its norm of queries and keys.
///
/// Sources: Touvron et al. 2023, arXiv:2307.09288; Grattafiori et al. 2024, arXiv:2407.21783; Yang et al. 2025, arXiv:2505.09388. No departure from the published forward pass;
/// the projections back to the residual stream are drawn smaller by `√(2 · layers)` when a model is drawn anew.
///
/// The parameters and the rotation table live in the arena given at the start. Forward passes share nothing but the parameters.
public final class Llama implements LanguageModel {
    private final LlamaConfig config;
    private final Parameters parameters;
    private final Tensor embedding;                              // [vocab, hidden]
    private final List<Block> blocks = new ArrayList<>();
    private final Norm norm;
    private final Tensor head;                                   // [vocab, hidden]
    private final Tensor rope;                                   // [context, headDim]

    /// Builds the model, each parameter filled by `filler`; runs on the current [Compute].
    public Llama(LlamaConfig config, Arena arena, Filler filler) {
        this.config = config;
        parameters = new Parameters(arena, filler);
        float std = config.initStd();
        embedding = parameters.scope("model.embed_tokens").weight(std, config.vocabSize(), config.hiddenSize());
        for (int layer = 0; layer < config.numLayers(); layer++) {
            blocks.add(new Block(config, layer, parameters.scope("model.layers." + layer)));
        }
        norm = Norm.of(parameters.scope("model.norm"), config.hiddenSize(), config.normEpsilon());
        head = config.tieWordEmbeddings() ? embedding : parameters.scope("lm_head").weight(std, config.vocabSize(), config.hiddenSize());
        rope = RopeTable.of(arena, config.contextLength(), config.headDim(), config.ropeTheta(), config.ropeScaling());
    }

    @Override public Tensor forward(Batch batch) {
        checkInput(batch.length() <= config.contextLength(), "sequence of %d tokens, wanted at most max_position_embeddings (%d)", batch.length(), config.contextLength());
        return run(batch, null);
    }

    @Override public Tensor forward(Batch batch, ContextCache context) {
        check(context instanceof KvCache, "a cache of another family of models");
        var cache = (KvCache) context;
        cache.reserve(batch);
        Tensor logits = run(batch, cache);
        cache.advance(batch.length());
        return logits;
    }

    private Tensor run(Batch batch, KvCache cache) {
        Tensor x = Compute.one(new Embed(), embedding, batch.tokens());                  // [batch, seq, hidden]
        for (Block block : blocks) {
            x = block.forward(x, batch, rope, cache);
        }
        return Compute.one(new MatMul(false, true), norm.forward(x), head);              // [batch, seq, vocab]
    }

    /// One decoder layer: attention, then feed-forward, each on the normed stream and added back to it.
    private static final class Block {
        private final Norm inputNorm;
        private final GroupedQueryAttention attention;
        private final Norm postAttentionNorm;
        private final FeedForward feedForward;

        Block(LlamaConfig config, int layer, Parameters.Scope scope) {
            float residualStd = (float) (config.initStd() / Math.sqrt(2.0 * config.numLayers()));
            inputNorm = Norm.of(scope.at("input_layernorm"), config.hiddenSize(), config.normEpsilon());
            attention = new GroupedQueryAttention(config.attention(), layer, scope.at("self_attn"), config.initStd(), residualStd);
            postAttentionNorm = Norm.of(scope.at("post_attention_layernorm"), config.hiddenSize(), config.normEpsilon());
            feedForward = new FeedForward(scope.at("mlp"), config.hiddenSize(), config.intermediateSize(), config.initStd(), residualStd);
        }

        Tensor forward(Tensor x, Batch batch, Tensor rope, KvCache cache) {
            x = Compute.one(new Add(), x, attention.forward(inputNorm.forward(x), batch, rope, cache));
            return Compute.one(new Add(), x, feedForward.forward(postAttentionNorm.forward(x)));
        }
    }

    /// The sizes.
    public LlamaConfig config() {
        return config;
    }

    @Override public Parameters parameters() {
        return parameters;
    }

    @Override public int vocabSize() {
        return config.vocabSize();
    }

    @Override public int contextLength() {
        return config.contextLength();
    }

    @Override public KvCache newCache(int capacity) {
        return config.attention().newCache(config.numLayers(), Math.min(capacity, config.contextLength()));
    }

    @Override public boolean isHiddenMatrix(String name) {
        return name.startsWith("model.layers.") && parameters.named(name).shape().rank() == 2;
    }

    @Override public boolean isEmbedding(String name) {
        return name.equals("model.embed_tokens.weight");
    }

    @Override public double flopsPerToken(int length) {
        double matrices = (double) config.numLayers() * config.hiddenSize()
                * (config.headDim() * (2.0 * config.numHeads() + 2.0 * config.numKvHeads()) + 3.0 * config.intermediateSize())
                + (double) config.vocabSize() * config.hiddenSize();
        double attention = (double) config.numLayers() * 2 * config.numHeads() * config.headDim() * length / 2;
        return 2 * (matrices + attention);
    }
}
