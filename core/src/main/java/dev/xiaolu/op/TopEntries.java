package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// The entries of greatest score among those a query sees. The result is indices.
///
/// Takes `scores [batch, queries, count]` F32 and `visible [batch, queries]` or `[batch, queries, 2]` I32 as [IndexScores] does, gives `chosen [batch, queries, min(k, count)]` I32: of the entries a query sees the `k` of greatest score, or all where they are fewer,
/// in ascending order of index, then −1. Equal scores, +0 and −0 among them, go to the lowest index; NaN ranks as −∞. Throws [IndexOutOfBoundsException] for `visible` outside `0..count`, and for runs that leave it or end before they start.
///
/// @param k how many entries to choose at most
public record TopEntries(int k) implements Op.Choice {
    public TopEntries {
        check(k > 0, "TopEntries: k is %d, wanted at least 1", k);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "scores visible");
        Shape scores = Types.f32(this, inputs, 0, "scores");
        check(scores.rank() == 3, "TopEntries: scores are %s, wanted [batch, queries, count]", scores);
        Types.seen(this, inputs, 1, false, scores.part(0, 2));
        return List.of(new TensorType(DType.I32, scores.with(-1, Math.min(k, scores.last()))));
    }
}
