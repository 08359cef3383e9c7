package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.TrainingLosses;
import dev.xiaolu.op.BalanceLoss;
import dev.xiaolu.op.Mean;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Goes with one pass of training through the layers and gathers what the next-token loss does not hold: other terms of the loss, and what the routers did. Layers get null outside training.
final class Objective {
    private final DeepSeekV4Recipe recipe;
    private final long step;
    private final int leaves;
    private final Map<String, RouterCount> routers;
    private final List<TrainingLosses.Term> terms = new ArrayList<>();

    /// For a pass over `leaves` leaves of step `step`; choices are added to `routers`, by layer.
    Objective(DeepSeekV4Recipe recipe, long step, int leaves, Map<String, RouterCount> routers) {
        this.recipe = recipe;
        this.step = step;
        this.leaves = leaves;
        this.routers = routers;
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
        routers.get(layer).add(chosen, offsets);
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
