package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;
import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.ContextCache;
import dev.xiaolu.nn.Drafter;
import dev.xiaolu.nn.ExpertLayer;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Linear;
import dev.xiaolu.nn.Norm;
import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RopeTable;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.Embed;
import dev.xiaolu.op.HyperExpand;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/// DeepSeek-V4: residual streams joined by hyper-connections, attention over a window and compressed entries, a mixture of experts in every layer, and a block that predicts one token more.
///
/// Source: DeepSeek-AI 2026, arXiv:2606.19348. Departures: everything is F32 and nothing is rounded to eight or four bits between layers but what [Rounding] asks for; the Hadamard rotation of the indexer, which changes no
/// score without that rounding, is left out where nothing is rounded; ties among experts and among entries go to the lowest index.
///
/// The parameters live in the arena given at the start; rotation tables grow with the contexts that are read. Forward passes share nothing but these.
public final class DeepSeekV4 implements LanguageModel {
    private final DeepSeekV4Config config;
    private final Parameters parameters;
    private final Tensor embedding;                              // [vocab, hidden]
    private final List<Block> blocks = new ArrayList<>();
    private final Head head;
    private final Tensor output;                                 // [vocab, hidden]
    private final Prediction prediction;
    private final RopeTable windowRope;                          // layers without compressor
    private final RopeTable compressedRope;                      // the others

    /// Builds the model, each parameter filled by `filler`; runs on the current [Compute].
    public DeepSeekV4(DeepSeekV4Config config, Arena arena, Filler filler) {
        this(config, Rounding.NONE, arena, filler);
    }

    /// The same with every pass rounding what `rounding` says.
    public DeepSeekV4(DeepSeekV4Config config, Rounding rounding, Arena arena, Filler filler) {
        this.config = config;
        parameters = new Parameters(arena, filler);
        Parameters.Scope scope = parameters.scope("");
        embedding = scope.at("embed").weight(config.initStd(), config.vocabSize(), config.hiddenSize());
        for (int layer = 0; layer < config.numLayers(); layer++) {
            blocks.add(new Block(config, rounding, scope.at("layers." + layer), config.compressRatios().get(layer), layer < config.numHashLayers()));
        }
        head = new Head(config, scope);
        output = scope.at("head").weight(config.initStd(), config.vocabSize(), config.hiddenSize());
        prediction = config.numNextnPredictLayers() == 0 ? null : new Prediction(config, rounding, scope.at("mtp.0"));
        int rotated = config.qkRopeHeadDim();
        Optional<RopeTable.YarnScaling> yarn = config.ropeScaling()
                .map(given -> new RopeTable.YarnScaling(given.factor(), given.betaFast(), given.betaSlow(), given.originalMaxPositionEmbeddings()));
        windowRope = RopeTable.stretched(config.contextLength(), rotated, config.ropeTheta(), Optional.empty());
        compressedRope = RopeTable.stretched(config.contextLength(), rotated, config.compressRopeTheta(), yarn);
    }

    @Override public Tensor forward(Batch batch) {
        return logits(streams(batch, _ -> {}));
    }

    @Override public Tensor forward(Batch batch, ContextCache context) {
        check(context instanceof HybridCache, "a cache of another family of models");
        return logits(read((HybridCache) context, batch));
    }

    /// The streams after the last layer of tokens that continue a context, which are added to it.
    Tensor read(HybridCache cache, Batch batch) {
        cache.reserve(batch);
        Tensor streams = run(batch, cache, null, _ -> {});
        cache.advance(batch.length());
        return streams;
    }

    /// The residual streams after the last layer, `[batch, seq, n, hidden]`, of whole sequences; `each` is shown them after every layer.
    public Tensor streams(Batch batch, Consumer<Tensor> each) {
        return run(whole(batch), null, null, each);
    }

    /// The same, with `objective` going through the layers.
    Tensor streams(Batch batch, Objective objective) {
        return run(whole(batch), null, objective, _ -> {});
    }

    private Batch whole(Batch batch) {
        checkInput(batch.length() <= config.contextLength(), "sequence of %d tokens, wanted at most max_position_embeddings (%d)", batch.length(), config.contextLength());
        return batch;
    }

    private Tensor run(Batch batch, HybridCache cache, Objective objective, Consumer<Tensor> each) {
        refusePadding(batch, cache != null);
        Tensor ofWindow = rope(windowRope, batch);
        Tensor ofEntries = rope(compressedRope, batch);
        Tensor streams = Compute.one(new HyperExpand(config.hcMult()), Compute.one(new Embed(), embedding, batch.tokens()));
        for (int layer = 0; layer < blocks.size(); layer++) {
            Block block = blocks.get(layer);
            streams = block.forward(streams, batch, block.ratio == 0 ? ofWindow : ofEntries, cache == null ? null : cache.layer(layer), objective);
            each.accept(streams);
        }
        return streams;
    }

    /// The rotations of all positions up to those of the batch.
    private static Tensor rope(RopeTable table, Batch batch) {
        int last = 0;
        for (int sequence = 0; sequence < batch.sequences(); sequence++) {
            last = Math.max(last, batch.positions().getInt(sequence, batch.length() - 1));
        }
        return table.upTo(last + 1L);
    }

    private static void refusePadding(Batch batch, boolean cached) {
        for (int sequence = 0; sequence < batch.sequences(); sequence++) {
            for (int i = 0; i < batch.length(); i++) {
                int position = batch.positions().getInt(sequence, i);
                int index = batch.last().getInt(sequence, i);
                checkInput(position == index, "batch: the token at index %d of sequence %d has position %d, wanted %d: windows of compressed entries are counted from the first token, "
                        + "so padding on the left would shift their borders and change the results; pad on the right", index, sequence, position, index);
                checkInput(!cached || batch.first().getInt(sequence, i) == 0, "batch: the token at index %d of a cached context sees what comes from index %d on, wanted 0: a context holds one document", index,
                        batch.first().getInt(sequence, i));
            }
        }
    }

    /// Logits `[batch, seq, vocab]` of the next token, from the streams after the last layer.
    public Tensor logits(Tensor streams) {
        return Compute.one(new MatMul(false, true), head.forward(streams), output);
    }

    /// Logits `[batch, seq, vocab]` of the token after the next, from the streams after the last layer and the next tokens: `following` holds, under the positions of `batch`, the token behind each.
    ///
    /// Refuses a model without that block.
    public Tensor predicted(Tensor streams, Batch following) {
        return predicted(streams, following, null);
    }

    Tensor predicted(Tensor streams, Batch following, Objective objective) {
        return Compute.one(new MatMul(false, true), predictedState(streams, following, objective), output);
    }

    /// What the output head makes those logits of, `[batch, seq, hidden]`.
    Tensor predictedState(Tensor streams, Batch following, Objective objective) {
        checkInput(prediction != null, "config.json: num_nextn_predict_layers is 0, wanted 1 to predict the token after the next");
        return prediction.head.forward(prediction.forward(streams, Compute.one(new Embed(), embedding, following.tokens()), following, rope(windowRope, following), null, objective));
    }

    /// The prediction block's streams `[1, seq, n, hidden]`, from those before it and the tokens behind each, which continue what its own cache holds.
    Tensor predict(HybridCache own, Tensor streams, Batch following) {
        own.reserve(following);
        Tensor after = prediction.forward(streams, Compute.one(new Embed(), embedding, following.tokens()), following, rope(windowRope, following), own.layer(0), null);
        own.advance(following.length());
        return after;
    }

    /// Logits of the token after the next, from the prediction block's streams.
    Tensor predictedLogits(Tensor streams) {
        return Compute.one(new MatMul(false, true), prediction.head.forward(streams), output);
    }

    /// The experts of every layer, that of the additional prediction block last.
    Map<String, Experts> routers() {
        var all = new LinkedHashMap<String, Experts>();
        blocks.forEach(block -> all.put(block.experts.layer(), block.experts));
        if (prediction != null) {
            all.put(prediction.block.experts.layer(), prediction.block.experts);
        }
        return all;
    }

    /// The sizes.
    public DeepSeekV4Config config() {
        return config;
    }

    @Override public List<ExpertLayer> expertLayers() {
        return List.copyOf(routers().values());
    }

    /// All parameters under their published names; the experts of a layer are one parameter for each of `w1`, `w2` and `w3`. The router's biases are among them and have no gradient.
    @Override public Parameters parameters() {
        return parameters;
    }

    @Override public ParameterCount parameterCount() {
        return config.count();
    }

    @Override public int vocabSize() {
        return config.vocabSize();
    }

    @Override public int contextLength() {
        return config.contextLength();
    }

    @Override public ContextCache newCache(int capacity) {
        return newCache(capacity, blocks);
    }

    @Override public Optional<Drafter> newDrafter(int capacity) {
        return prediction == null ? Optional.empty() : Optional.of(new DeepSeekV4Drafter(this, newCache(capacity, blocks), newPredictionCache(capacity)));
    }

    /// An empty cache of the prediction block alone.
    HybridCache newPredictionCache(int capacity) {
        return newCache(capacity, List.of(prediction.block));
    }

    private HybridCache newCache(int capacity, List<Block> blocks) {
        var cache = new HybridCache(Math.min(capacity, config.contextLength()));
        blocks.forEach(block -> cache.add(block.attention.newCache(cache.arena(), cache.capacity())));
        return cache;
    }

    /// Projections, those of hyper-connections among them, routers and experts; each expert is a matrix by itself.
    @Override public boolean isHiddenMatrix(String name) {
        return !name.equals("embed.weight") && !name.equals("head.weight") && !name.endsWith(".ape") && parameters.named(name).shape().rank() >= 2;
    }

    @Override public boolean isEmbedding(String name) {
        return name.equals("embed.weight");
    }

    /// The experts of a layer are published one by one; the router's biases are no parameters there.
    @Override public Map<String, Tensor> published(Map<String, Tensor> byParameter) {
        var all = new LinkedHashMap<String, Tensor>();
        byParameter.forEach((name, tensor) -> {
            if (!name.endsWith(".gate.bias")) {
                RoutedExperts.oneByOne(name, tensor, all::put);
            }
        });
        return all;
    }

    @Override public double flopsPerToken(int length) {
        double attended = 0;
        for (int ratio : config.compressRatios()) {
            double entries = ratio == 0 ? 0 : length / 2.0 / ratio;
            if (ratio == DeepSeekV4Config.SPARSE) {
                attended += entries * config.indexNHeads() * config.indexHeadDim();      // the indexer looks at all, attention at the chosen
                entries = Math.min(entries, config.indexTopk());
            }
            attended += 2 * (Math.min(length / 2.0, config.slidingWindow()) + entries) * config.numHeads() * config.headDim();
        }
        return 2 * (config.activeParameterCount() + attended);
    }

    /// One layer: attention, then experts, each on the normed state that its hyper-connection reads.
    private static final class Block {
        private final int ratio;
        private final HyperConnection aroundAttention;
        private final Norm attentionNorm;
        private final JointSelfAttention attention;
        private final HyperConnection aroundExperts;
        private final Norm expertsNorm;
        private final Experts experts;

        Block(DeepSeekV4Config config, Rounding rounding, Parameters.Scope scope, int ratio, boolean hashed) {
            this.ratio = ratio;
            attentionNorm = Norm.of(scope.at("attn_norm"), config.hiddenSize(), config.normEpsilon());
            expertsNorm = Norm.of(scope.at("ffn_norm"), config.hiddenSize(), config.normEpsilon());
            aroundAttention = HyperConnection.of(config, scope, "hc_attn");
            aroundExperts = HyperConnection.of(config, scope, "hc_ffn");
            attention = new JointSelfAttention(config, rounding, scope.at("attn"), ratio);
            experts = new Experts(config, rounding, scope.at("ffn"), hashed);
        }

        Tensor forward(Tensor streams, Batch batch, Tensor rope, HybridCache.Layer cache, Objective objective) {
            streams = aroundAttention.around(streams, x -> attention.forward(attentionNorm.forward(x), batch, rope, cache, objective));
            return aroundExperts.around(streams, x -> experts.forward(expertsNorm.forward(x), batch.tokens(), objective));
        }
    }

    /// Collapses the streams and norms what they give.
    private static final class Head {
        private final HyperConnection connection;
        private final Norm norm;

        Head(DeepSeekV4Config config, Parameters.Scope scope) {
            norm = Norm.of(scope.at("norm"), config.hiddenSize(), config.normEpsilon());
            connection = HyperConnection.ofHead(config, scope);
        }

        Tensor forward(Tensor streams) {
            return norm.forward(connection.collapse(streams));
        }
    }

    /// Predicts the token after the next: every stream, and the next token's embedding, normed and projected, go through one more layer that attends to the window alone.
    private static final class Prediction {
        private final Linear ofEmbedding;
        private final Linear ofStream;
        private final Norm embeddingNorm;
        private final Norm streamNorm;
        private final int streams;
        private final Head head;
        private final Block block;

        Prediction(DeepSeekV4Config config, Rounding rounding, Parameters.Scope scope) {
            int hidden = config.hiddenSize();
            streams = config.hcMult();
            ofEmbedding = Linear.of(scope.at("e_proj"), hidden, hidden, config.initStd());
            ofStream = Linear.of(scope.at("h_proj"), hidden, hidden, config.initStd());
            embeddingNorm = Norm.of(scope.at("enorm"), hidden, config.normEpsilon());
            streamNorm = Norm.of(scope.at("hnorm"), hidden, config.normEpsilon());
            head = new Head(config, scope);
            block = new Block(config, rounding, scope, 0, false);
        }

        /// The block's streams; `cache` is null for whole sequences.
        Tensor forward(Tensor state, Tensor next, Batch batch, Tensor rope, HybridCache.Layer cache, Objective objective) {
            Tensor embedded = Compute.one(new HyperExpand(streams), ofEmbedding.forward(embeddingNorm.forward(next)));
            Tensor mixed = Compute.one(new Add(), embedded, ofStream.forward(streamNorm.forward(state)));
            return block.forward(mixed, batch, rope, cache, objective);
        }
    }
}
