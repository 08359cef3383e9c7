package dev.xiaolu.data;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.platform.RandomKey;

/// A shuffling of `0..size−1` that is computed, not stored: a function of a key, and a bijection.
///
/// A Feistel network over the next even count of bits, six rounds of Philox, walked along its cycle until the value is in range (fewer than four rounds on average).
/// Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains". Immutable and thread-safe.
///
/// @param key what decides the order
/// @param size how many are shuffled
public record Permutation(RandomKey key, long size) {
    private static final int ROUNDS = 6;

    public Permutation {
        check(size > 0, "Permutation: size is %d, wanted a positive number", size);
    }

    /// Where `index` goes.
    public long at(long index) {
        check(index >= 0 && index < size, "Permutation: index %d of %d", index, size);
        int half = Math.max(1, (65 - Long.numberOfLeadingZeros(size - 1)) / 2);        // two halves hold every index
        long mask = (1L << half) - 1;
        long value = index;
        do {
            long left = value >>> half;
            long right = value & mask;
            for (int round = 0; round < ROUNDS; round++) {
                long next = left ^ key.bits(right + ((long) round << 48)) & mask;
                left = right;
                right = next;
            }
            value = left << half | right;
        } while (value >= size);
        return value;
    }
}
