package dev.xiaolu.op;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import java.util.List;

/// Fingerprint of a tensor's bits, such that the fingerprints of its parts add up to that of the whole.
///
/// Takes `x [...]` of any type, gives `y [2]` I64: two keyed multilinear hashes modulo 2^64. With `i = firstIndex +` the element's row-major index,
/// `y_k = Σ block(k, ⌊i / 256⌋) · place(k, i mod 256) · (bits_i + 1)`, where `bits_i` is the element's bits extended with zeros. So a change of one element always shows, and
/// a shard that holds a run of the whole tensor's row-major elements computes its share alone. Type and shape do not enter: whoever names the tensor adds them.
///
/// The keys are odd and fixed: `place(k, j) = mix(P_k + (j + 1) · G) | 1` and `block(k, b) = mix(B_k + (b + 1) · G) | 1` with `mix` and `G` of SplitMix64 ([RandomKey#mix]).
/// Made to find faults, not forgers.
///
/// @param firstIndex the index in the whole tensor of this tensor's first element
public record Digest(long firstIndex) implements Op.Plain {
    /// Elements that share a block key.
    public static final int BLOCK = 256;
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    /// The first 64 bits after the point of √2 and √3 (for places), √5 and √7 (for blocks).
    private static final long[] PLACES = {0x6A09E667F3BCC908L, 0xBB67AE8584CAA73BL};
    private static final long[] BLOCKS = {0x3C6EF372FE94F82BL, 0xA54FF53A5F1D36F1L};

    public Digest {
        check(firstIndex >= 0, "Digest: firstIndex is %d, wanted 0 or more", firstIndex);
    }

    @Override public Numerics numerics() {
        return Numerics.exact().accumulateIn(DType.I64).summing(Numerics.Sum.INTEGER);
    }

    @Override public List<TensorType> infer(List<TensorType> inputs) {
        Types.count(this, inputs, "x");
        return List.of(new TensorType(DType.I64, Shape.of(2)));
    }

    /// The key of place `place`, from 0 to 255, in hash 0 or 1.
    public static long place(int hash, int place) {
        return RandomKey.mix(PLACES[hash] + (place + 1) * GOLDEN) | 1;
    }

    /// The key of block `block` in hash 0 or 1.
    public static long block(int hash, long block) {
        return RandomKey.mix(BLOCKS[hash] + (block + 1) * GOLDEN) | 1;
    }
}
