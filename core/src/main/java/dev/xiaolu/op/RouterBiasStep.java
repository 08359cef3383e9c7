package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Moves the bias of a router, in place, towards an even load: `bias_e + rate` where expert `e` had
/// less than the mean, `bias_e − rate` where it had more, `bias_e` where it had just that.
///
/// Takes `bias [experts]` F32 and `load [experts]` I64, gives nothing. Compared are the integers
/// `experts · load_e` and the sum of `load`. Source: Wang et al. 2024, arXiv:2408.15664.
///
/// @param rate the step; not negative
public record RouterBiasStep(float rate) implements Op.Plain {
    public RouterBiasStep {
        check(rate >= 0, "RouterBiasStep: rate is %s, wanted a number that is not negative", rate);
    }

    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "bias load");
        Shape bias = Types.f32(this, inputs, 0, "bias");
        check(bias.rank() == 1, "RouterBiasStep: bias is %s, wanted [experts]", bias);
        Types.same(this, "load", Types.typed(this, inputs, 1, "load", DType.I64), "bias", bias);
        return List.of();
    }
}
