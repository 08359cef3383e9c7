package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.Shape;

/// The blocks of a matrix that share a scale: so many rows by so many columns of the last two axes, those at the far edges smaller where the axes do not divide.
///
/// @param rows    rows of a block
/// @param columns columns of a block
public record Blocks(int rows, int columns) {
    /// 128 × 128, as weights in FP8 have them.
    public static final Blocks WEIGHTS = new Blocks(128, 128);
    /// 1 × 128, as activations in FP8 have them.
    public static final Blocks ACTIVATIONS = new Blocks(1, 128);
    /// 1 × 32, as everything in FP4 has them.
    public static final Blocks FP4 = new Blocks(1, 32);

    public Blocks {
        check(rows > 0 && columns > 0, "Blocks: %d × %d, wanted positive numbers", rows, columns);
    }

    /// The shape of the scales of `x [..., m, n]`: `[..., ⌈m / rows⌉, ⌈n / columns⌉]`.
    public Shape grid(Shape x) {
        return x.with(-2, Math.ceilDiv(x.axis(-2), (long) rows)).with(-1, Math.ceilDiv(x.last(), (long) columns));
    }

    /// For example `128x128`.
    @Override public String toString() {
        return rows + "x" + columns;
    }
}
