package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.Combine;
import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.ExpertPlan;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.TakeRows;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;

/// A mixture of experts: each token's chosen experts, weighted, and one that every token meets.
///
/// The first layers look a token's experts up in a table; the others take those of greatest score plus bias. The weights come from the scores alone.
final class Experts {
    private final DeepSeekV4Config config;
    private final Rounding rounding;
    private final String layer;
    private final Tensor gate;                                   // [experts, hidden]
    private final Tensor table;                                  // [vocab, chosen], or null
    private final Tensor bias;                                   // [experts], or null
    private final Tensor w1;                                     // [experts, width, hidden]
    private final Tensor w2;                                     // [experts, hidden, width]
    private final Tensor w3;                                     // [experts, width, hidden]
    private final Tensor shared1;                                // [width, hidden]
    private final Tensor shared2;                                // [hidden, width]
    private final Tensor shared3;                                // [width, hidden]

    Experts(DeepSeekV4Config config, Rounding rounding, Parameters.Scope scope, boolean hashed) {
        this.config = config;
        this.rounding = rounding;
        layer = scope.prefix().replaceFirst("[.]ffn$", "");
        int experts = config.numRoutedExperts();
        int hidden = config.hiddenSize();
        int width = config.moeIntermediateSize();
        float std = config.initStd();
        gate = scope.at("gate").weight(std, experts, hidden);
        table = hashed ? scope.at("gate").table("tid2eid", experts, config.vocabSize(), config.numExpertsPerToken()) : null;
        bias = hashed ? null : scope.at("gate").parameter("bias", new Filler.Constant(0), experts);
        w1 = scope.at("experts.w1").weight(std, experts, width, hidden);
        w2 = scope.at("experts.w2").weight(std, experts, hidden, width);
        w3 = scope.at("experts.w3").weight(std, experts, width, hidden);
        shared1 = scope.at("shared_experts.w1").weight(std, width, hidden);
        shared2 = scope.at("shared_experts.w2").weight(std, hidden, width);
        shared3 = scope.at("shared_experts.w3").weight(std, width, hidden);
    }

    /// Name of the layer that these belong to, for example `layers.3`.
    String layer() {
        return layer;
    }

    /// Whether the router chooses by its scores, and not by a table.
    boolean chooses() {
        return table == null;
    }

    /// A count of what the router chooses.
    RouterCount newCount(Arena arena) {
        return new RouterCount(layer, bias, config.numRoutedExperts(), arena);
    }

    /// Takes `x [batch, seq, hidden]` and the tokens' ids `[batch, seq]`, gives `[batch, seq, hidden]`; tells `objective`, unless it is null, what the router does.
    Tensor forward(Tensor x, Tensor tokens, Objective objective) {
        Tensor rows = x.reshape(x.shape().rows(), x.shape().last());                      // [rows, hidden]
        Tensor scores = Compute.one(new SqrtSoftplus(), Compute.one(new MatMul(false, true), rows, gate));
        Tensor chosen = table == null ? chosen(scores, objective) : Compute.one(new ExpertLookup(), table, tokens); // [rows, chosen]
        Tensor weights = Compute.one(new RouteWeights(config.routedScalingFactor()), scores, chosen);
        Tensor[] plan = Compute.run(new ExpertPlan(config.numRoutedExperts()), chosen);
        Tensor order = plan[0];
        Tensor offsets = plan[1];
        Tensor places = plan[2];
        if (objective != null) {
            objective.routed(layer, chosen, offsets);
            if (table == null) {
                objective.balance(scores.reshape(x.shape().axis(0), x.shape().axis(1), scores.shape().last()), chosen);
            }
        }
        Tensor copies = Compute.one(new TakeRows(), rows, places);                        // [rows · chosen, hidden]
        Tensor h = gated(linear(copies, rounded(w1), order, offsets), linear(copies, rounded(w3), order, offsets));
        Tensor routed = Compute.one(new Combine(), linear(h, rounded(w2), order, offsets), weights, places);
        Tensor all = gated(Compute.one(new MatMul(false, true), rows, shared1), Compute.one(new MatMul(false, true), rows, shared3));
        Tensor common = Compute.one(new MatMul(false, true), all, shared2);
        return Compute.one(new Add(), routed, common).reshape(x.shape());
    }

    /// The experts that were chosen for these rows before, or else those that the router chooses now.
    private Tensor chosen(Tensor scores, Objective objective) {
        Tensor foreseen = objective == null ? null : objective.foreseen(layer);
        return foreseen == null ? Compute.one(new TopExperts(config.numExpertsPerToken()), scores, bias) : foreseen;
    }

    private Tensor rounded(Tensor weight) {
        return rounding.experts() ? Compute.one(FakeQuantise.fp4Weights((int) weight.shape().last()), weight) : weight;
    }

    private Tensor gated(Tensor gate, Tensor up) {
        return Compute.one(new ClampedSwiGlu(config.swigluLimit()), gate, up);
    }

    private static Tensor linear(Tensor x, Tensor weight, Tensor order, Tensor offsets) {
        return Compute.one(new ExpertLinear(false), x, weight, order, offsets);
    }
}
