package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Conversion between F32 and BF16, or a contiguous copy where the type stays.
///
/// Takes `x [...]`, gives `y [...]` of the wanted type, contiguous. BF16 to F32 is exact; F32 to BF16 rounds to nearest even, overflow to infinity, every NaN to `0x7FC0`.
/// A copy keeps the bits of any type.
///
/// @param to the wanted type
public record Cast(DType to) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        TensorType x = inputs.getFirst();
        boolean floats = (x.dtype() == DType.F32 || x.dtype() == DType.BF16) && (to == DType.F32 || to == DType.BF16);
        check(x.dtype() == to || floats, "Cast: no conversion from %s to %s", x.dtype(), to);
        return List.of(new TensorType(to, x.shape()));
    }
}
