package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The experts of each token: the `count` greatest of its scores.
///
/// Takes `scores [rows, experts]` and, if there is one, `bias [experts]`, both F32, gives
/// `chosen [rows, count]` I32, ascending in each row. What is compared is `scores_e + bias_e`, rounded once,
/// or the score itself without a bias. Ties, and −0 is one with +0, go to the lowest index; NaN is less than every number, and two NaNs are a tie.
/// The bias only steers the choice: weights are made of scores. Source: Wang et al. 2024, arXiv:2408.15664.
///
/// @param count experts for each token; at least 1
public record TopExperts(int count) implements Op.Choice {
    public TopExperts {
        check(count >= 1, "TopExperts: count is %d, wanted at least 1", count);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        if (inputs.size() != 1) {
            Types.count(this, inputs, "scores bias");
        }
        Shape scores = Types.matrix(this, inputs, 0, "scores", "[rows, experts]");
        check(count <= scores.last(), "TopExperts: count is %d, scores %s have %d experts", count, scores, scores.last());
        if (inputs.size() == 2) {
            Types.same(this, "bias", Types.f32(this, inputs, 1, "bias"), "the last axis of scores", Shape.of(scores.last()));
        }
        return List.of(new TensorType(DType.I32, scores.with(-1, count)));
    }
}
