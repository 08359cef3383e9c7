package dev.xiaolu.op;

import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Sums of squares of blocks of 4096 elements, the parts of a norm.
///
/// Takes `x [...]` F32, contiguous, gives `y [blocks]` F32 with `blocks = ⌈size / 4096⌉`: block `b` sums `fma(x, x, ·)` over the row-major elements `4096·b …` in 32 lanes counted from the block's start.
public record SquareSums() implements Op.Plain {
    @Override public Numerics numerics() {
        return Numerics.exact().summing(Numerics.Sum.ROW_LANES).withFma();
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        Shape x = Types.f32(this, inputs, 0, "x");
        return List.of(TensorType.f32(Shape.of((x.size() + Numerics.BLOCK - 1) / Numerics.BLOCK)));
    }
}
