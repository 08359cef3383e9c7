package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// FP4 with a scale for each 32 columns as FP8 with a scale for each block of 128 × 128, without loss.
///
/// Takes `codes [..., m, n / 2]` I8 and `scales [..., m, ⌈n / 32⌉]` F8_E8M0; gives `codes [..., m, n]` F8_E4M3, `scales [..., ⌈m / 128⌉, ⌈n / 128⌉]` F8_E8M0 and `lost`, I32 of the shape of the new scales.
/// A block's scale is its largest old scale divided by 2^6 (or 2^−127 where that is less), and an element becomes the code of `value · old / new`, at most 384 in magnitude. `lost` counts a block's elements that no code holds exactly:
/// none where the block's old scales, those of groups of zeros left aside, lie within a factor of 2^14. Whoever runs this refuses the result where `lost` is not zero. A NaN scale makes its whole block NaN, and nothing is counted as lost.
/// Source: DeepSeek-AI 2026, arXiv:2606.19348.
public record WidenFp4() implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "codes scales");
        check(inputs.get(0).dtype() == DType.I8, "WidenFp4: codes is %s, wanted I8 with two elements to a byte", inputs.get(0));
        Shape y = Codes.decoded(this, inputs.get(0));
        Shape scales = Types.typed(this, inputs, 1, "scales", DType.F8_E8M0);
        check(scales.equals(Blocks.FP4.grid(y)), "WidenFp4: scales is %s, wanted %s for %s", scales, Blocks.FP4.grid(y), y);
        Shape grid = Blocks.WEIGHTS.grid(y);
        return List.of(new TensorType(DType.F8_E4M3, y), new TensorType(DType.F8_E8M0, grid), new TensorType(DType.I32, grid));
    }
}
