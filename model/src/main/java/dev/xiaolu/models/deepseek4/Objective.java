package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.Mean;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Goes with one pass of training through the layers and gathers what the next-token loss does not hold: other terms of the loss, and what the routers did. Layers get null outside training.
final class Objective {
    private final DeepSeekV4Recipe recipe;
    private final long step;
    private final int leaves;
    private final Chosen chosen;
    private final ForeseenRoutes.Part foreseen;
    private final List<TrainingLosses.Term> terms = new ArrayList<>();

    /// Told which experts the tokens of a pass go to.
    @FunctionalInterface
    interface Chosen {
        /// @param experts `[rows, count]`
        /// @param offsets `[experts + 1]`, where the experts' tokens lie
        void by(String layer, Tensor experts, Tensor offsets);
    }

    /// For a pass over `leaves` leaves of step `step`; every layer's choices go to `chosen`, and are those of `foreseen` unless it is null.
    Objective(DeepSeekV4Recipe recipe, long step, int leaves, Chosen chosen, ForeseenRoutes.Part foreseen) {
        this.recipe = recipe;
        this.step = step;
        this.leaves = leaves;
        this.chosen = chosen;
        this.foreseen = foreseen;
    }

    DeepSeekV4Recipe recipe() {
        return recipe;
    }

    long step() {
        return step;
    }

    int leaves() {
        return leaves;
    }

    /// Adds a term of the loss, `[leaves]` before its weight.
    void add(String name, Tensor perLeaf, float weight) {
        terms.add(new TrainingLosses.Term(name, perLeaf, weight));
    }

    /// Notes what the router of `layer` chose, `[rows, count]`, and where the experts' tokens lie, `[experts + 1]`.
    void routed(String layer, Tensor chosen, Tensor offsets) {
        this.chosen.by(layer, chosen, offsets);
    }

    /// The experts `[rows, count]` that the router of `layer` chose for this pass when its weights were older; null where it is to choose now.
    Tensor foreseen(String layer) {
        return foreseen == null ? null : foreseen.of(layer);
    }

    /// Whether attention sees every complete entry.
    boolean isDense() {
        return recipe.isDense(step);
    }

    /// Whether the indexers' loss is wanted.
    boolean teachesIndexers() {
        return recipe.indexerWeight() > 0;
    }

    /// Adds the loss of one layer's indexer, `[batch, seq]`.
    void taught(Tensor perToken) {
        add("indexer_loss", Compute.one(new Mean(leaves), perToken.reshape(perToken.shape().size())), recipe.indexerWeight());
    }

    /// Adds the loss that evens out the experts of each sequence: takes `scores [batch, seq, experts]` and `chosen [batch · seq, count]`.
    void balance(Tensor scores, Tensor chosen) {
        if (recipe.balanceWeight() > 0) {
            add("balance_loss", Compute.one(new Mean(leaves), Compute.one(new BalanceLoss(1), scores, chosen)), recipe.balanceWeight());
        }
    }

    List<TrainingLosses.Term> terms() {
        return terms;
    }
}
