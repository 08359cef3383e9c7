package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Gradient of [TakeRows].
///
/// Takes `dy [rows · count, hidden]` F32 and `places [rows, count]` I32, gives `dx [rows, hidden]`:
/// plain additions of a row's copies in ascending `k`, which is ascending expert, from +0.
public record TakeRowsGrad() implements Op.Gradient {
    @Override public Numerics numerics() {
        return Numerics.exact().noting("a token's copies are added in ascending expert");
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "dy places");
        Shape dy = Types.matrix(this, inputs, 0, "dy", "[rows · count, hidden]");
        Shape places = Types.places(this, inputs, 1, -1);
        check(places.size() == dy.axis(0), "TakeRowsGrad: dy is %s, wanted a row for each of the places %s", dy, places);
        return List.of(TensorType.f32(dy.with(0, places.axis(0))));
    }
}
