package dev.xiaolu.platform;

import java.nio.charset.StandardCharsets;

/// Randomness as a function: Philox4x32-10 of a key and a position, with no state that remembers.
///
/// A key is one 64-bit word made from a seed and a path of purposes and numbers, so two purposes never share draws.
/// Immutable and thread-safe. Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
///
/// @param word the key of the generator
public record RandomKey(long word) {
    private static final int M0 = 0xD2511F53;
    private static final int M1 = 0xCD9E8D57;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;

    /// The root key of a run.
    public static RandomKey ofSeed(long seed) {
        return new RandomKey(mix(seed ^ 0x5851F42D4C957F2DL));
    }

    /// The key for a purpose below this one, for example `init` or a parameter's name.
    public RandomKey at(String purpose) {
        long hash = word;
        for (byte b : purpose.getBytes(StandardCharsets.UTF_8)) {
            hash = mix(hash ^ (b & 0xFF) + 0x100);
        }
        return new RandomKey(mix(hash ^ 0x2545F4914F6CDD1DL));
    }

    /// The key for an index below this one, for example a step.
    public RandomKey at(long index) {
        return new RandomKey(mix(word ^ mix(index + 0x9E3779B97F4A7C15L)));
    }

    /// Four random 32-bit words for a counter: [0] and [1] in the first long (low half first), [2] and [3] in the second.
    /// Writes them to `out[0..3]`.
    public void draw(long counter, int[] out) {
        philox((int) counter, (int) (counter >>> 32), 0, 0, (int) word, (int) (word >>> 32), out);
    }

    /// A random 64-bit word for a counter.
    public long bits(long counter) {
        int[] out = new int[4];
        draw(counter, out);
        return (out[0] & 0xFFFFFFFFL) | (long) out[1] << 32;
    }

    /// A number from 0 (inclusive) to 1 (exclusive) with 24 random bits, for a counter.
    public float uniform(long counter) {
        return (bits(counter) >>> 40) * 0x1p-24f;
    }

    /// Ten rounds of Philox4x32; public so that kernels can be tested against it.
    public static void philox(int c0, int c1, int c2, int c3, int k0, int k1, int[] out) {
        for (int round = 0; round < 10; round++) {
            long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
            long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
            c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            c1 = (int) p1;
            c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c3 = (int) p0;
            k0 += W0;
            k1 += W1;
        }
        out[0] = c0;
        out[1] = c1;
        out[2] = c2;
        out[3] = c3;
    }

    /// SplitMix64's finaliser: a bijection of 64 bits.
    public static long mix(long x) {
        x = (x ^ x >>> 30) * 0xBF58476D1CE4E5B9L;
        x = (x ^ x >>> 27) * 0x94D049BB133111EBL;
        return x ^ x >>> 31;
    }
}
