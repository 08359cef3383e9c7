package dev.xiaolu.autograd;

import static dev.xiaolu.autograd.Gradients.plain;

import dev.xiaolu.op.HyperCollapseGrad;
import dev.xiaolu.op.HyperGates;
import dev.xiaolu.op.HyperGatesGrad;
import dev.xiaolu.op.HyperHeadGatesGrad;
import dev.xiaolu.op.HyperMixGrad;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Rows of the table of gradients: hyper-connections.
final class HyperGradients {
    private HyperGradients() {}

    static Tensor[] of(HyperGates op, Tensor[] in, Tensor[] out, Tensor[] dy, boolean[] weights, int leaves) {
        Tensor[] arrived = new Tensor[3];
        for (int i = 0; i < 3; i++) {
            arrived[i] = dy[i] == null ? zeros(out[i]) : dy[i];
        }
        int runs = weights[1] || weights[2] ? leaves : 1;
        Tensor[] three = Compute.run(new HyperGatesGrad(op.iterations(), op.epsilon(), runs), in[0], in[1], in[2], arrived[0], arrived[1], arrived[2]);
        return new Tensor[] {plain(three[0], weights[0], leaves), three[1], three[2]};
    }

    /// What an output that nobody used has for a gradient.
    private static Tensor zeros(Tensor like) {
        Tensor zeros = Compute.current().scratch().allocate(like.type());
        zeros.data().fill((byte) 0);
        return zeros;
    }

    static Tensor[] ofHeadGates(Tensor[] in, Tensor dy, boolean[] weights, int leaves) {
        int runs = weights[1] || weights[2] ? leaves : 1;
        Tensor[] three = Compute.run(new HyperHeadGatesGrad(runs), in[0], in[1], in[2], dy);
        return new Tensor[] {plain(three[0], weights[0], leaves), three[1], three[2]};
    }

    static Tensor[] ofCollapse(Tensor[] in, Tensor dy, boolean[] weights, int leaves) {
        Tensor[] both = Compute.run(new HyperCollapseGrad(), in[0], in[1], dy);
        return new Tensor[] {plain(both[0], weights[0], leaves), plain(both[1], weights[1], leaves)};
    }

    static Tensor[] ofMix(Tensor[] in, Tensor dy, boolean[] weights, int leaves) {
        Tensor[] four = Compute.run(new HyperMixGrad(), in[0], in[1], in[2], in[3], dy);
        for (int i = 0; i < 4; i++) {
            four[i] = plain(four[i], weights[i], leaves);
        }
        return four;
    }
}
