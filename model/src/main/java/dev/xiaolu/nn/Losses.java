package dev.xiaolu.nn;

import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.Mean;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// The losses of language modelling.
public final class Losses {
    private Losses() {}

    /// Cross-entropy of each token, in nats: takes `logits [..., vocab]` and `targets` I32 with the leading axes of the logits, gives `[rows]`; a target of −1 gives 0.
    public static Tensor perToken(Tensor logits, Tensor targets) {
        long rows = logits.shape().rows();
        return Compute.run(new CrossEntropy(), logits.reshape(rows, logits.shape().last()), targets.reshape(rows))[0];
    }

    /// Mean cross-entropy of each leaf of work, `[leaves]`.
    public static Tensor perLeaf(Tensor logits, Tensor targets, int leaves) {
        return Compute.one(new Mean(leaves), perToken(logits, targets));
    }
}
