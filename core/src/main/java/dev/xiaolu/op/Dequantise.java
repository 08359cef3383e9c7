package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Weights out of codes and the scales of their blocks: `y = value(code) · scale`, one F32 product.
///
/// Takes `codes [..., m, n]` F8_E4M3, or `[..., m, n / 2]` I8 that pack FP4 with the even index in the low four bits, and `scales` F8_E8M0 or F32 of the shape [Blocks#grid]; gives `y [..., m, n]` F32.
/// With F8_E8M0 scales the product is exact wherever it is a normal number. NaN codes and NaN scales give NaN.
///
/// @param blocks the blocks that share a scale
public record Dequantise(Blocks blocks) implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "codes scales");
        Shape y = Codes.decoded(this, inputs.get(0));
        TensorType scales = inputs.get(1);
        check(scales.dtype() == DType.F8_E8M0 || scales.dtype() == DType.F32, "Dequantise: scales is %s, wanted F8_E8M0 or F32", scales);
        check(scales.shape().equals(blocks.grid(y)), "Dequantise: scales is %s, wanted %s for blocks of %s in %s", scales.shape(), blocks.grid(y), blocks, y);
        return List.of(TensorType.f32(y));
    }
}
