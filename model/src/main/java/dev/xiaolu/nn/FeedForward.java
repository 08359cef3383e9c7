package dev.xiaolu.nn;

import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// SwiGLU feed-forward, `down(silu(gate(x)) · up(x))`. Source: Shazeer 2020, arXiv:2002.05202.
public final class FeedForward {
    private final Linear gate;
    private final Linear up;
    private final Linear down;

    /// A new feed-forward in `scope`; `downStd` is the deviation of the projection back to the residual stream.
    public FeedForward(Parameters.Scope scope, int hiddenSize, int intermediateSize, float std, float downStd) {
        gate = Linear.of(scope.at("gate_proj"), hiddenSize, intermediateSize, std);
        up = Linear.of(scope.at("up_proj"), hiddenSize, intermediateSize, std);
        down = Linear.of(scope.at("down_proj"), intermediateSize, hiddenSize, downStd);
    }

    /// Takes and gives `[..., hidden]`.
    public Tensor forward(Tensor x) {
        Tensor h = Compute.one(new SwiGlu(), gate.forward(x), up.forward(x));            // [..., intermediate]
        return down.forward(h);                                                          // [..., hidden]
    }
}
