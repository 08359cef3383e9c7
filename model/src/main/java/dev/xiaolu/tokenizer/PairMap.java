package dev.xiaolu.tokenizer;

import java.util.Arrays;

/// From pairs of token ids to a number that is not negative: an open-addressing hash of primitive longs. Not thread-safe while it is filled.
final class PairMap {
    private static final long FREE = -1;       // no key: ids are not negative

    private long[] cells;                      // key, value, key, value
    private int count;

    PairMap(int expected) {
        cells = new long[Integer.highestOneBit(Math.max(8, expected)) << 3];
        Arrays.fill(cells, FREE);
    }

    static long key(int left, int right) {
        return (long) left << 32 | right;
    }

    private static int slot(long key, int length) {
        long h = key * 0x9E3779B97F4A7C15L;
        return (int) (h ^ h >>> 32) << 1 & length - 1;
    }

    /// The value of a pair, or -1 when it has none.
    long find(int left, int right) {
        return find(key(left, right));
    }

    long find(long key) {
        long[] cells = this.cells;
        for (int slot = slot(key, cells.length); ; slot = slot + 2 & cells.length - 1) {
            long found = cells[slot];
            if (found == key) {
                return cells[slot + 1];
            }
            if (found == FREE) {
                return -1;
            }
        }
    }

    /// Sets the value of a pair, new or not.
    void put(long key, long value) {
        if ((count + 1) * 4L > cells.length) {
            long[] old = cells;
            count = 0;
            cells = new long[old.length * 2];
            Arrays.fill(cells, FREE);
            for (int i = 0; i < old.length; i += 2) {
                if (old[i] != FREE) {
                    place(old[i], old[i + 1]);
                }
            }
        }
        place(key, value);
    }

    private void place(long key, long value) {
        int slot = slot(key, cells.length);
        while (cells[slot] != FREE && cells[slot] != key) {
            slot = slot + 2 & cells.length - 1;
        }
        if (cells[slot] == FREE) {
            cells[slot] = key;
            count++;
        }
        cells[slot + 1] = value;
    }
}
