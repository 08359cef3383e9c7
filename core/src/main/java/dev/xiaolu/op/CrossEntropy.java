package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Cross-entropy of each row of logits against its target, without the probabilities.
///
/// Takes `logits [rows, vocab]` F32 and `targets [rows]` I32, gives `loss [rows]`, and for the gradient `m [rows]` and `l [rows]`. `m` = maximum of the row (NaN where it holds one); `l` = row sum of `exp(x_i − m)` in 32 lanes;
/// `loss = log(l) − (x_target − m)`, in nats. A target of −1 is ignored: its loss is +0. Another target outside `0..vocab−1` throws [IndexOutOfBoundsException].
public record CrossEntropy() implements Op.Differentiable {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).using("exp log");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "logits targets");
        Shape logits = Types.f32(this, inputs, 0, "logits");
        Shape targets = Types.typed(this, inputs, 1, "targets", DType.I32);
        check(logits.rank() == 2, "CrossEntropy: logits are %s, wanted [rows, vocab]", logits);
        Types.same(this, "targets", targets, "[rows]", Shape.of(logits.axis(0)));
        return List.of(TensorType.f32(targets), TensorType.f32(targets), TensorType.f32(targets));
    }
}
