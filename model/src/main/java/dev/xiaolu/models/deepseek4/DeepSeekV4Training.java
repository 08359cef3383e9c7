package dev.xiaolu.models.deepseek4;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.Batch;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Losses;
import dev.xiaolu.nn.RouterLoad;
import dev.xiaolu.nn.Training;
import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// How DeepSeek-V4 is trained: the token after the next is learned with the next, experts are kept evenly used by a small loss within each sequence and by biases that follow the load of whole steps,
/// indexers learn from the attention that they serve, and the choice of experts may be older than the weights.
public final class DeepSeekV4Training implements Training {
    private final DeepSeekV4 model;
    private final DeepSeekV4Recipe recipe;
    private final Map<String, RouterCount> routers = new LinkedHashMap<>();
    private final ForeseenRoutes foreseen;                       // null where the routers choose in the step itself
    private long step;

    /// Training of `model`, by a recipe without a lag of routing; what is counted lives in `arena`.
    public DeepSeekV4Training(DeepSeekV4 model, DeepSeekV4Recipe recipe, Arena arena) {
        this(model, recipe, 0, arena);
    }

    /// Training of `model`; what is counted and foreseen lives in `arena`.
    ///
    /// @param tokensOfStep the most tokens that a step trains on
    public DeepSeekV4Training(DeepSeekV4 model, DeepSeekV4Recipe recipe, long tokensOfStep, Arena arena) {
        this.model = model;
        this.recipe = recipe;
        check(recipe.routingLag() == 0 || tokensOfStep > 0, "training with a lag of routing needs the number of tokens of a step, found %d", tokensOfStep);
        model.routers().forEach((layer, experts) -> {
            if (recipe.predicts() || !layer.startsWith("mtp.")) {
                routers.put(layer, experts.newCount(arena));
            }
        });
        List<String> choosing = routers.keySet().stream().filter(layer -> model.routers().get(layer).chooses()).toList();
        foreseen = recipe.routingLag() == 0 ? null : new ForeseenRoutes(choosing, recipe.routingLag(), tokensOfStep, model.config().numExpertsPerToken(), arena);
    }

    @Override public LanguageModel model() {
        return model;
    }

    /// The routers' biases follow the load instead.
    @Override public List<Parameter> trained() {
        return model.parameters().all().stream().filter(parameter -> !parameter.name().endsWith(".gate.bias")).toList();
    }

    @Override public void begin(long step) {
        this.step = step;
        routers.values().forEach(RouterCount::clear);
    }

    @Override public TrainingLosses losses(Batch batch, Tensor targets, int firstSequence, int leaves) {
        ForeseenRoutes.Part routes = foreseen == null ? null : foreseen.at(step, firstSequence * batch.length(), batch.sequences() * batch.length());
        var objective = new Objective(recipe, step, leaves, (layer, experts, offsets) -> routers.get(layer).add(experts, offsets), routes);
        Tensor streams = model.streams(batch, objective);
        Tensor nextToken = Losses.perLeaf(model.logits(streams), targets, leaves);
        if (predicts(step)) {
            objective.add("mtp_loss", Losses.perLeaf(model.predicted(streams, following(batch, targets), objective), behind(targets), leaves), recipe.mtpWeight(step));
        }
        return new TrainingLosses(nextToken, objective.terms());
    }

    @Override public List<String> terms() {
        return List.of("indexer_loss", "balance_loss", "mtp_loss");
    }

    @Override public List<Tensor> counts() {
        return routers.values().stream().map(RouterCount::counts).toList();
    }

    private boolean predicts(long step) {
        return recipe.mtpWeight(step) > 0 && model.config().numNextnPredictLayers() > 0;
    }

    private static Batch following(Batch batch, Tensor targets) {
        return new Batch(targets, batch.positions(), batch.first(), batch.last());
    }

    @Override public int lead() {
        return recipe.routingLag();
    }

    /// Runs the layers on the sequences as the later step will, for the experts that the routers choose with the weights of now.
    @Override public void foresee(Batch batch, Tensor targets, int firstSequence) {
        long later = step + recipe.routingLag();
        long from = firstSequence * batch.length();
        var objective = new Objective(recipe.withoutTerms(), later, 1, (layer, experts, _) -> foreseen.keep(layer, later, from, experts), null);
        Tensor streams = model.streams(batch, objective);
        if (predicts(later)) {
            model.predictedState(streams, following(batch, targets), objective);
        }
    }

    @Override public Map<String, Tensor> state() {
        return foreseen == null ? Map.of() : foreseen.state();
    }

    /// The token behind each target; the last of a sequence has none, and its loss is 0.
    private static Tensor behind(Tensor targets) {
        Tensor behind = Compute.current().scratch().allocate(targets.type());
        long length = targets.shape().axis(1);
        for (long row = 0; row < targets.shape().axis(0); row++) {
            MemorySegment.copy(targets.data(), JAVA_INT, 4 * (row * length + 1), behind.data(), JAVA_INT, 4 * row * length, length - 1);
            behind.data().setAtIndex(JAVA_INT, (row + 1) * length - 1, -1);
        }
        return behind;
    }

    @Override public void updated() {
        routers.values().forEach(router -> router.steer(recipe.routerBiasSpeed()));
    }

    @Override public double flopsPerToken(int length) {
        DeepSeekV4Config config = model.config();
        boolean predicts = recipe.predicts() && config.numNextnPredictLayers() > 0;
        return model.flopsPerToken(length) + (predicts ? 2 * (config.activePredictionParameterCount() + (double) config.vocabSize() * config.hiddenSize()) : 0);
    }

    @Override public List<RouterLoad> routers() {
        return routers.values().stream().map(RouterCount::seen).toList();
    }
}
