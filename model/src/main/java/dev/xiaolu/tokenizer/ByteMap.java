package dev.xiaolu.tokenizer;

import java.util.Arrays;

/// Byte strings numbered in the order in which they came: an open-addressing hash whose keys lie one after another in one array.
///
/// Grows as needed, makes no object for a key, forgets everything at once with [#clear]. Not thread-safe.
final class ByteMap {
    private long[] slots;                      // the hash in the high half, the number plus one in the low half; 0 is free
    private int[] ends;                        // where each key ends in `keys`; it begins where the one before ends
    private byte[] keys;
    private int count;

    /// Empty, with room for about `expected` keys before it grows.
    ByteMap(int expected) {
        slots = new long[Integer.highestOneBit(Math.max(8, expected)) << 2];
        ends = new int[Math.max(8, expected)];
        keys = new byte[Math.max(64, expected * 8)];
    }

    int count() {
        return count;
    }

    /// Bytes of all keys together.
    int keyBytes() {
        return count == 0 ? 0 : ends[count - 1];
    }

    int keyStart(int number) {
        return number == 0 ? 0 : ends[number - 1];
    }

    int keyEnd(int number) {
        return ends[number];
    }

    /// The array that holds the keys; replaced when the map grows.
    byte[] keys() {
        return keys;
    }

    void clear() {
        Arrays.fill(slots, 0);
        count = 0;
    }

    /// A hash of 32 bits.
    static int hash(byte[] text, int from, int to) {
        long h = (to - from) * 0x9E3779B97F4A7C15L;
        int at = from;
        for (; at <= to - 8; at += 8) {
            h = (h ^ Utf8.eightBytes(text, at)) * 0xBF58476D1CE4E5B9L;
            h ^= h >>> 32;
        }
        if (at < to) {
            h = (h ^ tail(text, at, to)) * 0xBF58476D1CE4E5B9L;
            h ^= h >>> 32;
        }
        h *= 0x94D049BB133111EBL;
        return (int) (h >>> 32);
    }

    /// The last 1 to 7 bytes as a number.
    private static long tail(byte[] text, int at, int to) {
        if (at <= text.length - 8) {
            return Utf8.eightBytes(text, at) & -1L >>> (8 - (to - at)) * 8;
        }
        long v = 0;
        for (int i = to - 1; i >= at; i--) {
            v = v << 8 | text[i] & 0xFF;
        }
        return v;
    }

    /// The number of a key, or -1 when it is not there; `hash` is that of [#hash].
    int find(byte[] text, int from, int to, int hash) {
        int mask = slots.length - 1;
        for (int slot = hash & mask; ; slot = slot + 1 & mask) {
            long entry = slots[slot];
            if (entry == 0) {
                return -1;
            }
            if ((int) (entry >>> 32) == hash) {
                int number = (int) entry - 1;
                if (same(number, text, from, to)) {
                    return number;
                }
            }
        }
    }

    /// Adds a key that is not there yet and gives its number.
    int add(byte[] text, int from, int to, int hash) {
        int length = to - from;
        int start = keyBytes();
        if (start > Integer.MAX_VALUE - 16 - length) {
            throw new IllegalStateException("ByteMap: the keys are longer than 2 GiB together");
        }
        if (start + length + 8 > keys.length) {                            // eight spare bytes, so that a tail is read in one go
            keys = Arrays.copyOf(keys, (int) Math.min(Integer.MAX_VALUE - 8, Math.max(start + length + 8L, keys.length * 2L)));
        }
        if (count == ends.length) {
            ends = Arrays.copyOf(ends, count * 2);
        }
        System.arraycopy(text, from, keys, start, length);
        ends[count] = start + length;
        count++;
        if (count * 2L > slots.length) {
            rehash();
        }
        place(slots, hash, count);
        return count - 1;
    }

    private void rehash() {
        long[] larger = new long[slots.length * 2];
        for (long entry : slots) {
            if (entry != 0) {
                place(larger, (int) (entry >>> 32), (int) entry);
            }
        }
        slots = larger;
    }

    private static void place(long[] slots, int hash, int numberPlusOne) {
        int mask = slots.length - 1;
        int slot = hash & mask;
        while (slots[slot] != 0) {
            slot = slot + 1 & mask;
        }
        slots[slot] = (long) hash << 32 | numberPlusOne;
    }

    private boolean same(int number, byte[] text, int from, int to) {
        int start = keyStart(number);
        int length = to - from;
        if (ends[number] - start != length) {
            return false;
        }
        int i = 0;
        for (; i <= length - 8; i += 8) {
            if (Utf8.eightBytes(keys, start + i) != Utf8.eightBytes(text, from + i)) {
                return false;
            }
        }
        return i == length || tail(keys, start + i, start + length) == tail(text, from + i, to);
    }
}
