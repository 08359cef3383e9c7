package dev.xiaolu.models.deepseek4;

import dev.xiaolu.nn.Filler;
import dev.xiaolu.nn.Parameters;
import dev.xiaolu.op.HyperCollapse;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperHeadGates;
import dev.xiaolu.op.HyperMix;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.UnitNorm;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.util.function.UnaryOperator;

/// One manifold-constrained hyper-connection: a sub-layer reads one state from all residual streams and writes its output back into them, mixed by a doubly stochastic matrix.
///
/// Source: Xie et al. 2025, arXiv:2512.24880.
///
/// @param projection `[n(n+2), n · hidden]`, or `[n, n · hidden]` before the head
/// @param base       `[n(n+2)]` or `[n]`
/// @param scale      `[3]` or `[1]`
record HyperConnection(DeepSeekV4Config config, Tensor projection, Tensor base, Tensor scale) {
    /// The factors on the gates start small, so that a new model mixes its streams evenly.
    private static final Filler.Constant SMALL = new Filler.Constant(0.01f);

    /// Around a sub-layer: three parameters whose names begin with `prefix`.
    static HyperConnection of(DeepSeekV4Config config, Parameters.Scope scope, String prefix) {
        long streams = config.hcMult();
        return of(config, scope, prefix, streams * (streams + 2), 3);
    }

    /// Before the head.
    static HyperConnection ofHead(DeepSeekV4Config config, Parameters.Scope scope) {
        return of(config, scope, "hc_head", config.hcMult(), 1);
    }

    private static HyperConnection of(DeepSeekV4Config config, Parameters.Scope scope, String prefix, long gates, long blocks) {
        return new HyperConnection(config,
                scope.parameter(prefix + "_fn", new Filler.Normal(config.initStd()), gates, (long) config.hcMult() * config.hiddenSize()),
                scope.parameter(prefix + "_base", new Filler.Constant(0), gates),
                scope.parameter(prefix + "_scale", SMALL, blocks));
    }

    /// Takes the streams `[batch, seq, n, hidden]` and a sub-layer of `[batch, seq, hidden]`, gives the streams after it.
    Tensor around(Tensor streams, UnaryOperator<Tensor> subLayer) {
        Tensor[] gates = Compute.run(new HyperGates(config.hcSinkhornIters(), config.hcEps()), projected(streams), base, scale);
        Tensor y = subLayer.apply(Compute.one(new HyperCollapse(), gates[0], streams));  // [batch, seq, hidden]
        return Compute.one(new HyperMix(), streams, y, gates[1], gates[2]);
    }

    /// Collapses the streams to one state `[batch, seq, hidden]`.
    Tensor collapse(Tensor streams) {
        Tensor gates = Compute.one(new HyperHeadGates(config.hcEps()), projected(streams), base, scale);
        return Compute.one(new HyperCollapse(), gates, streams);
    }

    private Tensor projected(Tensor streams) {
        Shape shape = streams.shape();
        Tensor flat = streams.reshape(shape.axis(0), shape.axis(1), shape.axis(2) * shape.axis(3));
        return Compute.one(new MatMul(false, true), Compute.one(new UnitNorm(config.normEpsilon()), flat), projection);
    }
}
