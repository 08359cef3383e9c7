package dev.xiaolu.op;

import dev.xiaolu.shape.DType;

/// An operator's numeric contract: how its sums are cut and merged, and whether its bits are the same on every backend.
///
/// @param bitExact    whether every backend must give the reference's bits
/// @param accumulator the type in which sums run
/// @param sum         the order of sums
/// @param fma         whether products are added with one rounding
/// @param functions   the elementary functions used, for example `exp`; each is the one of `docs/numerics.md`
/// @param note        what else the order depends on, or why a tolerance is allowed; may be empty
public record Numerics(boolean bitExact, DType accumulator, Sum sum, boolean fma, String functions, String note) {
    /// The length of a leaf of a dot product, in elements of the summed axis.
    public static final int LEAF = 256;
    /// The number of running sums along a row.
    public static final int LANES = 32;
    /// The length of a leaf of attention, in keys.
    public static final int ATTENTION_LEAF = 128;
    /// The length of a block of [SquareSums], in elements.
    public static final int BLOCK = 4096;
    /// The version of the arithmetic: it changes whenever the bits of an operator, or of what a run makes of its data, change. Version 2: documents that share a sequence are kept apart among compressed entries.
    public static final int VERSION = 2;

    /// The orders of sums that the contract knows.
    public enum Sum {
        /// Nothing is summed.
        NONE,
        /// Leaves of [#LEAF] consecutive indices, each one chain in ascending order; leaves added in a balanced tree by position.
        LEAVES,
        /// [#LANES] running sums along the row, element `i` in lane `i mod 32`, then halved five times.
        ROW_LANES,
        /// Attention's leaves of [#ATTENTION_LEAF] keys by absolute position, merged in a balanced tree.
        KEY_LEAVES,
        /// Integers: any order.
        INTEGER
    }

    /// The same bits on every backend, F32, no sum.
    public static Numerics exact() {
        return new Numerics(true, DType.F32, Sum.NONE, false, "", "");
    }

    /// This contract with another accumulator.
    public Numerics accumulateIn(DType type) {
        return new Numerics(bitExact, type, sum, fma, functions, note);
    }

    /// This contract with sums in the given order.
    public Numerics summing(Sum order) {
        return new Numerics(bitExact, accumulator, order, fma, functions, note);
    }

    /// This contract with products added by `fma`.
    public Numerics withFma() {
        return new Numerics(bitExact, accumulator, sum, true, functions, note);
    }

    /// This contract with the named elementary functions.
    public Numerics using(String names) {
        return new Numerics(bitExact, accumulator, sum, fma, names, note);
    }

    /// This contract with a note.
    public Numerics noting(String text) {
        return new Numerics(bitExact, accumulator, sum, fma, functions, text);
    }
}
