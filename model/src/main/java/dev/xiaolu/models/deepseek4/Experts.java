package dev.xiaolu.models.deepseek4;

import dev.xiaolu.autograd.Parameter;
import dev.xiaolu.nn.ExpertLayer;
import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.nn.Weight;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.FakeQuantise;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/// A mixture of experts: each token's chosen experts, weighted, and one that every token meets.
///
/// The first layers look a token's experts up in a table; the others take those of greatest score plus bias. The weights come from the scores alone.
final class Experts implements ExpertLayer {
    private final DeepSeekV4Config config;
    private final Rounding rounding;
    private final String layer;
    private final List<String> stacks;                           // names of w1, w3 and w2
    private final Parameters parameters;
    private final Tensor gate;                                   // [experts, hidden]
    private final Tensor table;                                  // [vocab, chosen], or null
    private final Tensor bias;                                   // [experts], or null
    private final Weight w1;                                     // [experts, width, hidden]
    private final Weight w2;                                     // [experts, hidden, width]
    private final Weight w3;                                     // [experts, width, hidden]
    private final Weight shared1;                                // [width, hidden]
    private final Weight shared2;                                // [hidden, width]
    private final Weight shared3;                                // [width, hidden]

    Experts(DeepSeekV4Config config, Rounding rounding, Parameters.Scope scope, boolean hashed) {
        this.config = config;
        this.rounding = rounding;
        layer = scope.prefix().replaceFirst("[.]ffn$", "");
        stacks = List.of("w1", "w3", "w2").stream().map(name -> scope.at("experts." + name + ".weight").prefix()).toList();
        parameters = scope.parameters();
        int experts = config.numRoutedExperts();
        int hidden = config.hiddenSize();
        int width = config.moeIntermediateSize();
        float std = config.initStd();
        gate = scope.at("gate").weight(std, experts, hidden);
        table = hashed ? scope.at("gate").table("tid2eid", experts, config.vocabSize(), config.numExpertsPerToken()) : null;
        bias = hashed ? null : scope.at("gate").parameter("bias", new Filler.Constant(0), experts);
        w1 = scope.at("experts.w1").matrix(std, experts, width, hidden);
        w2 = scope.at("experts.w2").matrix(std, experts, hidden, width);
        w3 = scope.at("experts.w3").matrix(std, experts, width, hidden);
        shared1 = scope.at("shared_experts.w1").matrix(std, width, hidden);
        shared2 = scope.at("shared_experts.w2").matrix(std, hidden, width);
        shared3 = scope.at("shared_experts.w3").matrix(std, width, hidden);
    }

    @Override public String layer() {
        return layer;
    }

    @Override public List<Parameter> stacks() {
        return stacks.stream().map(parameters::named).toList();
    }

    @Override public Tensor ofRun(Tensor x, Tensor order, Tensor offsets, List<Tensor> weights) {
        List<Weight> its = weights.stream().map(weight -> rounded(Weight.held(weight))).toList();
        return new RoutedExperts(its.get(0), its.get(1), its.get(2)).pairs(x, order, offsets, this::gated);
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
        RoutedExperts.Plan plan = RoutedExperts.Plan.of(config.numRoutedExperts(), chosen);
        if (objective != null) {
            objective.routed(layer, chosen, plan.offsets());
            if (table == null) {
                objective.balance(scores.reshape(x.shape().axis(0), x.shape().axis(1), scores.shape().last()), chosen);
            }
        }
        Tensor copies = plan.copies(rows);                                               // [rows · chosen, hidden]
        Tensor pairs = RoutedExperts.exchange().map(exchange -> exchange.forward(this, copies, plan))
                .orElseGet(() -> new RoutedExperts(rounded(w1), rounded(w3), rounded(w2)).pairs(copies, plan.order(), plan.offsets(), this::gated));
        Tensor routed = plan.combine(pairs, weights);
        Tensor common = shared2.linear(gated(shared1.linear(rows), shared3.linear(rows)));
        return Compute.one(new Add(), routed, common).reshape(x.shape());
    }

    /// The experts that were chosen for these rows before, or else those that the router chooses now.
    private Tensor chosen(Tensor scores, Objective objective) {
        Tensor foreseen = objective == null ? null : objective.foreseen(layer);
        return foreseen == null ? Compute.one(new TopExperts(config.numExpertsPerToken()), scores, bias) : foreseen;
    }

    /// What is left in its file is rounded there already.
    private Weight rounded(Weight weight) {
        return rounding.experts() && weight.isHeld() ? Weight.held(Compute.one(FakeQuantise.fp4Weights((int) weight.shape().last()), weight.held())) : weight;
    }

    private Tensor gated(Tensor gate, Tensor up) {
        return Compute.one(new ClampedSwiGlu(config.swigluLimit()), gate, up);
    }
}
