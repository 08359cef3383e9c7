package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.nn.Weight;
import dev.xiaolu.op.Add;
import dev.xiaolu.op.ClampedSwiGlu;
import dev.xiaolu.op.ExpertLookup;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.RouteWeights;
import dev.xiaolu.op.SqrtSoftplus;
import dev.xiaolu.op.TopExperts;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// A mixture of experts: each token's chosen experts, weighted, and one that every token meets.
///
/// The first layers look a token's experts up in a table; the others take those of greatest score plus bias. The weights come from the scores alone.
final class Experts {
    private final DeepSeekV4Config config;
    private final Tensor gate;                                   // [experts, hidden]
    private final Tensor table;                                  // [vocab, chosen], or null
    private final Tensor bias;                                   // [experts], or null
    private final RoutedExperts routed;                          // w1, w3, w2
    private final Weight shared1;                                // [width, hidden]
    private final Weight shared2;                                // [hidden, width]
    private final Weight shared3;                                // [width, hidden]

    Experts(DeepSeekV4Config config, Parameters.Scope scope, boolean hashed) {
        this.config = config;
        int experts = config.numRoutedExperts();
        int hidden = config.hiddenSize();
        int width = config.moeIntermediateSize();
        float std = config.initStd();
        gate = scope.at("gate").weight(std, experts, hidden);
        table = hashed ? scope.at("gate").table("tid2eid", experts, config.vocabSize(), config.numExpertsPerToken()) : null;
        bias = hashed ? null : scope.at("gate").parameter("bias", new Filler.Constant(0), experts);
        Weight w1 = scope.at("experts.w1").matrix(std, experts, width, hidden);
        Weight w2 = scope.at("experts.w2").matrix(std, experts, hidden, width);
        Weight w3 = scope.at("experts.w3").matrix(std, experts, width, hidden);
        routed = new RoutedExperts(w1, w3, w2);
        shared1 = scope.at("shared_experts.w1").matrix(std, width, hidden);
        shared2 = scope.at("shared_experts.w2").matrix(std, hidden, width);
        shared3 = scope.at("shared_experts.w3").matrix(std, width, hidden);
    }

    /// Takes `x [batch, seq, hidden]` and the tokens' ids `[batch, seq]`, gives `[batch, seq, hidden]`.
    Tensor forward(Tensor x, Tensor tokens) {
        Tensor rows = x.reshape(x.shape().rows(), x.shape().last());                      // [rows, hidden]
        Tensor scores = Compute.one(new SqrtSoftplus(), Compute.one(new MatMul(false, true), rows, gate));
        Tensor chosen = table != null ? Compute.one(new ExpertLookup(), table, tokens)
                : Compute.one(new TopExperts(config.numExpertsPerToken()), scores, bias); // [rows, chosen]
        Tensor weights = Compute.one(new RouteWeights(config.routedScalingFactor()), scores, chosen);
        Tensor chosenOnes = routed.forward(rows, chosen, weights, this::gated);
        Tensor common = shared2.linear(gated(shared1.linear(rows), shared3.linear(rows)));
        return Compute.one(new Add(), chosenOnes, common).reshape(x.shape());
    }

    private Tensor gated(Tensor gate, Tensor up) {
        return Compute.one(new ClampedSwiGlu(config.swigluLimit()), gate, up);
    }
}
