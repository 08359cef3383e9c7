package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Where each token's copies go when the tokens of an expert are laid side by side.
///
/// Takes `chosen [rows, count]` I32, gives `order [rows · count]`, `offsets [experts + 1]` and
/// `places [rows, count]`, all I32. A *pair* is a token with one of its experts, number `row · count + k`.
/// Pairs are sorted by expert and then by row: `order` holds the number of the pair at each place, `places` the place of each pair, and the pairs of expert `e` lie at
/// `offsets_e` to `offsets_{e+1} − 1`. Each row of `chosen` must be strictly ascending and lie in `0..experts−1`, else [IndexOutOfBoundsException] names the row;
/// so a token's places ascend too, and whoever goes through them in order goes through its experts in order.
///
/// @param experts number of experts
public record ExpertPlan(int experts) implements Op.Choice {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "chosen");
        Shape chosen = Types.typed(this, inputs, 0, "chosen", DType.I32);
        check(chosen.rank() == 2, "ExpertPlan: chosen is %s, wanted [rows, count]", chosen);
        return List.of(new TensorType(DType.I32, Shape.of(chosen.size())), new TensorType(DType.I32, Shape.of(experts + 1L)), new TensorType(DType.I32, chosen));
    }
}
