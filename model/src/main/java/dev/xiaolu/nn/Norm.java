package dev.xiaolu.nn;

import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// A root-mean-square norm with its gain.
///
/// @param gain    `[hidden]`
/// @param epsilon added to the mean square
public record Norm(Tensor gain, float epsilon) {
    /// A new norm in `scope`, its gain all ones.
    public static Norm of(Parameters.Scope scope, int hidden, float epsilon) {
        return new Norm(scope.gain(hidden), epsilon);
    }

    /// Takes and gives `[..., hidden]`.
    public Tensor forward(Tensor x) {
        return Compute.one(new RmsNorm(epsilon), x, gain);
    }
}
