package dev.xiaolu.models.deepseek4;

import dev.xiaolu.platform.Faults;

/// What training adds to the next-token loss. Source: DeepSeek-AI 2026, arXiv:2606.19348, §4.2.2.
///
/// @param balanceWeight    weight of the loss that evens out the experts of each sequence; 0: without it
/// @param routerBiasSpeed  step of the router's biases towards an even load; 0: they stand still
/// @param mtpWeight        weight of the loss on the token after the next; 0: without it
/// @param mtpDecayWeight   the same once the learning rate decays
/// @param decayFrom        first step at which it does
/// @param indexerWeight    weight of the loss that teaches the indexers where attention goes; 0: they learn nothing
/// @param denseSteps       steps from the first on in which attention sees every complete entry and the indexers are taught on all of them; afterwards on those that they choose
/// @param routingLag       steps by which the choice of experts is older than the weights: made ahead, when the weights were those of so many steps before; 0: made in the step itself
public record DeepSeekV4Recipe(float balanceWeight, float routerBiasSpeed, float mtpWeight, float mtpDecayWeight, long decayFrom, float indexerWeight, long denseSteps, int routingLag) {
    public DeepSeekV4Recipe {
        new Faults("recipe")
                .that(balanceWeight >= 0, "balance_weight is %s, wanted 0 or more", balanceWeight)
                .that(routerBiasSpeed >= 0, "router_bias_speed is %s, wanted 0 or more", routerBiasSpeed)
                .that(mtpWeight >= 0, "mtp_weight is %s, wanted 0 or more", mtpWeight)
                .that(mtpDecayWeight >= 0, "mtp_decay_weight is %s, wanted 0 or more", mtpDecayWeight)
                .that(indexerWeight >= 0, "indexer_weight is %s, wanted 0 or more", indexerWeight)
                .that(denseSteps >= 0, "dense_steps is %d, wanted 0 or more", denseSteps)
                .that(routingLag >= 0, "routing_lag is %d, wanted 0 or more", routingLag)
                .throwIfAny();
    }

    /// A recipe that teaches no indexer and chooses experts in the step itself.
    public DeepSeekV4Recipe(float balanceWeight, float routerBiasSpeed, float mtpWeight, float mtpDecayWeight, long decayFrom) {
        this(balanceWeight, routerBiasSpeed, mtpWeight, mtpDecayWeight, decayFrom, 0, 0, 0);
    }

    /// The same, but for what indexers are taught by.
    public DeepSeekV4Recipe withIndexers(float indexerWeight, long denseSteps) {
        return new DeepSeekV4Recipe(balanceWeight, routerBiasSpeed, mtpWeight, mtpDecayWeight, decayFrom, indexerWeight, denseSteps, routingLag);
    }

    /// The same, but for when experts are chosen.
    public DeepSeekV4Recipe withRoutingLag(int routingLag) {
        return new DeepSeekV4Recipe(balanceWeight, routerBiasSpeed, mtpWeight, mtpDecayWeight, decayFrom, indexerWeight, denseSteps, routingLag);
    }

    /// The same without any loss but the next token's: what a pass that only chooses experts needs.
    DeepSeekV4Recipe withoutTerms() {
        return new DeepSeekV4Recipe(0, routerBiasSpeed, 0, 0, decayFrom, 0, denseSteps, routingLag);
    }

    /// Whether attention sees every complete entry in step `step`.
    boolean isDense(long step) {
        return step <= denseSteps;
    }

    /// Weight of the loss on the token after the next in step `step`.
    float mtpWeight(long step) {
        return step < decayFrom ? mtpWeight : mtpDecayWeight;
    }

    /// Whether the token after the next is learned in any step.
    boolean predicts() {
        return mtpWeight > 0 || mtpDecayWeight > 0;
    }
}
