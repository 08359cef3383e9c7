package dev.xiaolu.recover;

/// The result of one gradient leaf, by its 128-bit digest; the gradient itself stays at the rank.
///
/// @param index the leaf of the step, from 0
/// @param check whether it was computed only to compare digests and is in no sum
/// @param high the upper half of the digest
/// @param low the lower half of the digest
public record Leaf(int index, boolean check, long high, long low) {
    boolean sameDigest(Leaf other) {
        return high == other.high && low == other.low;
    }
}
