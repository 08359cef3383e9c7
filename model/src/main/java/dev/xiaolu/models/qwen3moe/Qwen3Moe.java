package dev.xiaolu.models.qwen3moe;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.FeedForward;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.GroupedQueryAttention;
import dev.xiaolu.nn.KvCache;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Linear;
import dev.xiaolu.nn.Norm;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RopeTable;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.RouteScores;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Qwen3 with a mixture of experts: pre-norm decoder with rotary grouped-query attention, its queries and keys normed by head, and in most layers experts chosen by a softmax router.
///
/// Source: Yang et al. 2025, arXiv:2505.09388. No departure from the published forward pass but that ties among experts go to the lowest index;
/// the projections back to the residual stream are drawn smaller by `√(2 · layers)` when a model is drawn anew.
///
/// The parameters and the rotation table live in the arena given at the start. Forward passes share nothing but the parameters.
public final class Qwen3Moe implements LanguageModel {
    private final Qwen3MoeConfig config;
    private final Parameters parameters;
    private final Tensor embedding;                              // [vocab, hidden]
    private final List<Block> blocks = new ArrayList<>();
    private final Norm norm;
    private final Tensor head;                                   // [vocab, hidden]
    private final Tensor rope;                                   // [context, headDim]

    /// Builds the model, each parameter filled by `filler`; runs on the current [Compute].
    public Qwen3Moe(Qwen3MoeConfig config, Arena arena, Filler filler) {
        this.config = config;
        parameters = new Parameters(arena, filler);
        float std = config.initStd();
        embedding = parameters.scope("model.embed_tokens").weight(std, config.vocabSize(), config.hiddenSize());
        for (int layer = 0; layer < config.numLayers(); layer++) {
            blocks.add(new Block(config, layer, parameters.scope("model.layers." + layer)));
        }
        norm = Norm.of(parameters.scope("model.norm"), config.hiddenSize(), config.normEpsilon());
        head = config.tieWordEmbeddings() ? embedding : parameters.scope("lm_head").weight(std, config.vocabSize(), config.hiddenSize());
        rope = RopeTable.of(arena, config.contextLength(), config.headDim(), config.ropeTheta(), Optional.empty());
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

    /// One decoder layer: attention, then experts or one feed-forward, each on the normed stream and added back to it.
    private static final class Block {
        private final Norm inputNorm;
        private final GroupedQueryAttention attention;
        private final Norm postAttentionNorm;
        private final UnaryOperator<Tensor> feedForward;

        Block(Qwen3MoeConfig config, int layer, Parameters.Scope scope) {
            float residualStd = (float) (config.initStd() / Math.sqrt(2.0 * config.numLayers()));
            inputNorm = Norm.of(scope.at("input_layernorm"), config.hiddenSize(), config.normEpsilon());
            attention = new GroupedQueryAttention(config.attention(), layer, scope.at("self_attn"), config.initStd(), residualStd);
            postAttentionNorm = Norm.of(scope.at("post_attention_layernorm"), config.hiddenSize(), config.normEpsilon());
            feedForward = config.isSparse(layer) ? new Experts(config, scope.at("mlp"), residualStd)::forward
                    : new FeedForward(scope.at("mlp"), config.hiddenSize(), config.intermediateSize(), config.initStd(), residualStd)::forward;
        }

        Tensor forward(Tensor x, Batch batch, Tensor rope, KvCache cache) {
            x = Compute.one(new Add(), x, attention.forward(inputNorm.forward(x), batch, rope, cache));
            return Compute.one(new Add(), x, feedForward.apply(postAttentionNorm.forward(x)));
        }
    }

    /// A mixture of experts: those of greatest probability by a softmax over all, weighted by it, normalised over the chosen where the config says so.
    private static final class Experts {
        private final Qwen3MoeConfig config;
        private final Linear gate;                               // [experts, hidden]
        private final RoutedExperts routed;

        Experts(Qwen3MoeConfig config, Parameters.Scope scope, float residualStd) {
            this.config = config;
            int experts = config.numRoutedExperts();
            int hidden = config.hiddenSize();
            int width = config.moeIntermediateSize();
            gate = Linear.of(scope.at("gate"), hidden, experts, config.initStd());
            routed = new RoutedExperts(scope.at("experts.gate_proj").matrix(config.initStd(), experts, width, hidden),
                    scope.at("experts.up_proj").matrix(config.initStd(), experts, width, hidden), scope.at("experts.down_proj").matrix(residualStd, experts, hidden, width));
        }

        Tensor forward(Tensor x) {
            Tensor rows = x.reshape(x.shape().rows(), x.shape().last());                 // [rows, hidden]
            Tensor scores = Compute.one(new Softmax(), gate.forward(rows));              // [rows, experts]
            Tensor chosen = Compute.one(new TopExperts(config.numExpertsPerToken()), scores);
            Tensor weights = Compute.one(config.normTopkProb() ? new RouteWeights(1) : new RouteScores(1), scores, chosen);
            return routed.forward(rows, RoutedExperts.Plan.of(config.numRoutedExperts(), chosen), weights, (gated, up) -> Compute.one(new SwiGlu(), gated, up)).reshape(x.shape());
        }
    }

    /// The sizes.
    public Qwen3MoeConfig config() {
        return config;
    }

    /// All parameters under their published names; the experts of a layer are one parameter for each of `gate_proj`, `up_proj` and `down_proj`.
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

    /// Projections, routers and experts; each expert is a matrix by itself.
    @Override public boolean isHiddenMatrix(String name) {
        return name.startsWith("model.layers.") && parameters.named(name).shape().rank() >= 2;
    }

    @Override public boolean isEmbedding(String name) {
        return name.equals("model.embed_tokens.weight");
    }

    /// The experts of a layer are published one by one.
    @Override public Map<String, Tensor> published(Map<String, Tensor> byParameter) {
        var all = new LinkedHashMap<String, Tensor>();
        byParameter.forEach((name, tensor) -> RoutedExperts.oneByOne(name, tensor, all::put));
        return all;
    }

    @Override public double flopsPerToken(int length) {
        double attention = (double) config.numLayers() * 2 * config.numHeads() * config.headDim() * length / 2;
        return 2 * (config.activeParameterCount() + attention);
    }
}
