package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [CrossEntropy] with respect to the logits.
///
/// Takes `logits [rows, vocab]`, `targets [rows]`, `m [rows]`, `l [rows]`, `dloss [rows]`, gives `dlogits [rows, vocab]`: with `r = 1 / l`,
/// `p_j = exp(x_j − m) · r`, `dlogits_j = (p_j − [j = target]) · dloss`. A row whose target is −1 gives +0.
public record CrossEntropyGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().using("exp");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "logits targets m l dloss");
        Shape logits = Types.f32(this, inputs, 0, "logits");
        check(logits.rank() == 2, "CrossEntropyGrad: logits are %s, wanted [rows, vocab]", logits);
        Shape rows = Shape.of(logits.axis(0));
        Types.same(this, "targets", Types.typed(this, inputs, 1, "targets", DType.I32), "[rows]", rows);
        Types.same(this, "m", Types.f32(this, inputs, 2, "m"), "[rows]", rows);
        Types.same(this, "l", Types.f32(this, inputs, 3, "l"), "[rows]", rows);
        Types.same(this, "dloss", Types.f32(this, inputs, 4, "dloss"), "[rows]", rows);
        return List.of(TensorType.f32(logits));
    }
}
