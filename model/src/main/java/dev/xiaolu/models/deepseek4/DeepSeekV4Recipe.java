package dev.xiaolu.models.deepseek4;

import dev.xiaolu.platform.Faults;

/// What training adds to the next-token loss. Source: DeepSeek-AI 2026, arXiv:2606.19348, §4.2.2.
///
/// @param balanceWeight    weight of the loss that evens out the experts of each sequence; 0: without it
/// @param routerBiasSpeed  step of the router's biases towards an even load; 0: they stand still
/// @param mtpWeight        weight of the loss on the token after the next; 0: without it
/// @param mtpDecayWeight   the same once the learning rate decays
/// @param decayFrom        first step at which it does
public record DeepSeekV4Recipe(float balanceWeight, float routerBiasSpeed, float mtpWeight, float mtpDecayWeight, long decayFrom) {
    public DeepSeekV4Recipe {
        new Faults("recipe")
                .that(balanceWeight >= 0, "balance_weight is %s, wanted 0 or more", balanceWeight)
                .that(routerBiasSpeed >= 0, "router_bias_speed is %s, wanted 0 or more", routerBiasSpeed)
                .that(mtpWeight >= 0, "mtp_weight is %s, wanted 0 or more", mtpWeight)
                .that(mtpDecayWeight >= 0, "mtp_decay_weight is %s, wanted 0 or more", mtpDecayWeight)
                .throwIfAny();
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
