package dev.xiaolu.tokenizer;

import java.util.Arrays;

/// Pairs with their counts: the highest count on top, of equal ones the pair with the lowest left id, then the lowest right id. Not thread-safe.
final class PairHeap {
    private long[] counts = new long[1 << 12];
    private long[] pairs = new long[1 << 12];
    private int size;

    boolean isEmpty() {
        return size == 0;
    }

    /// Count of the pair on top.
    long topCount() {
        return counts[0];
    }

    /// The pair on top, as [PairMap#key] makes it.
    long topPair() {
        return pairs[0];
    }

    private static boolean before(long count, long pair, long otherCount, long otherPair) {
        return count != otherCount ? count > otherCount : pair < otherPair;
    }

    void push(long count, long pair) {
        if (size == counts.length) {
            counts = Arrays.copyOf(counts, size * 2);
            pairs = Arrays.copyOf(pairs, size * 2);
        }
        int at = size++;
        while (at > 0) {
            int parent = at - 1 >> 1;
            if (!before(count, pair, counts[parent], pairs[parent])) {
                break;
            }
            counts[at] = counts[parent];
            pairs[at] = pairs[parent];
            at = parent;
        }
        counts[at] = count;
        pairs[at] = pair;
    }

    /// Removes the pair on top.
    void pop() {
        size--;
        long count = counts[size];
        long pair = pairs[size];
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= size) {
                break;
            }
            if (child + 1 < size && before(counts[child + 1], pairs[child + 1], counts[child], pairs[child])) {
                child++;
            }
            if (!before(counts[child], pairs[child], count, pair)) {
                break;
            }
            counts[at] = counts[child];
            pairs[at] = pairs[child];
            at = child;
        }
        counts[at] = count;
        pairs[at] = pair;
    }
}
