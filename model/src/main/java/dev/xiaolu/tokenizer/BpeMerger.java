package dev.xiaolu.tokenizer;

import dev.xiaolu.platform.InputException;
import java.util.Arrays;

/// Merges the bytes of one word into tokens: always the pair of lowest rank, the leftmost of equal ones. Belongs to one thread.
///
/// Short words are scanned for the best pair, which is quickest; long ones keep their pairs in a heap, so that the time for
/// `n` bytes without a gap grows as `n log n`.
final class BpeMerger {
    private static final int SHORT = 96;
    private static final int NO_PAIR = Integer.MAX_VALUE;

    private final BpeModel model;
    private int[] ids = new int[256];
    private int[] ranks = new int[256];                // of the pair that each token begins
    private int[] merged = new int[256];               // what that pair becomes
    private int[] next = new int[0];                   // of long words: neighbours, -1 for none
    private int[] previous = new int[0];
    private long[] heap = new long[0];                 // rank and place, the lowest on top
    private int heapSize;

    BpeMerger(BpeModel model) {
        this.model = model;
    }

    /// The tokens of the last word, in front; valid until the next call.
    int[] ids() {
        return ids;
    }

    /// Merges `text` from `from` to `to` and gives the number of tokens.
    int merge(byte[] text, int from, int to) {
        if (model.whole() != null) {
            int number = model.whole().find(text, from, to, ByteMap.hash(text, from, to));
            if (number >= 0) {
                ids[0] = model.wholeIds()[number];
                return 1;
            }
        }
        int count = begin(text, from, to);
        for (int i = 0; i + 1 < count; i++) {
            rank(i, ids[i], ids[i + 1]);
        }
        return count <= SHORT ? mergeShort(count) : mergeLong(count);
    }

    private int begin(byte[] text, int from, int to) {
        if (to - from > ids.length) {
            int size = Math.max(to - from, ids.length * 2);
            ids = new int[size];
            ranks = new int[size];
            merged = new int[size];
        }
        int count = 0;
        boolean unknownBefore = false;
        for (int i = from; i < to; i++) {
            int id = model.byteIds()[text[i] & 0xFF];
            boolean unknown = id < 0;
            if (unknown) {
                id = model.unknown();
                if (id < 0) {
                    throw InputException.of("tokenizer.json: no token for the byte 0x%02X and no unk_token; this text cannot be encoded", text[i]);
                }
            }
            if (!(unknown && unknownBefore && model.fuse())) {
                ids[count++] = id;
            }
            unknownBefore = unknown;
        }
        return count;
    }

    private void rank(int place, int left, int right) {
        long found = model.merges().find(left, right);
        ranks[place] = found < 0 ? NO_PAIR : (int) (found >>> 32);
        merged[place] = (int) found;
    }

    private int mergeShort(int count) {
        while (count > 1) {
            int best = 0;
            int lowest = ranks[0];
            for (int i = 1; i < count - 1; i++) {
                if (ranks[i] < lowest) {
                    lowest = ranks[i];
                    best = i;
                }
            }
            if (lowest == NO_PAIR) {
                break;
            }
            ids[best] = merged[best];
            int moved = count - best - 2;
            System.arraycopy(ids, best + 2, ids, best + 1, moved);
            System.arraycopy(ranks, best + 2, ranks, best + 1, moved);
            System.arraycopy(merged, best + 2, merged, best + 1, moved);
            count--;
            if (best > 0) {
                rank(best - 1, ids[best - 1], ids[best]);
            }
            if (best < count - 1) {
                rank(best, ids[best], ids[best + 1]);
            }
        }
        return count;
    }

    private int mergeLong(int count) {
        if (next.length < count) {
            next = new int[ids.length];
            previous = new int[ids.length];
            heap = new long[ids.length];
        }
        ranks[count - 1] = NO_PAIR;
        heapSize = 0;
        for (int i = 0; i < count; i++) {
            next[i] = i + 1 < count ? i + 1 : -1;
            previous[i] = i - 1;
            push(i);
        }
        while (heapSize > 0) {
            long top = pop();
            int place = (int) top;
            if (ranks[place] != (int) (top >>> 32)) {
                continue;                              // the pair changed after it was noted
            }
            int gone = next[place];
            ids[place] = merged[place];
            ranks[gone] = NO_PAIR;
            next[place] = next[gone];
            if (next[place] >= 0) {
                previous[next[place]] = place;
                rank(place, ids[place], ids[next[place]]);
                push(place);
            } else {
                ranks[place] = NO_PAIR;
            }
            int before = previous[place];
            if (before >= 0) {
                rank(before, ids[before], ids[place]);
                push(before);
            }
        }
        int kept = 0;
        for (int i = 0; i >= 0; i = next[i]) {
            ids[kept++] = ids[i];                      // never overtakes: `kept` is at most `i`
        }
        return kept;
    }

    private void push(int place) {
        if (ranks[place] == NO_PAIR) {
            return;
        }
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, heap.length * 2);
        }
        long entry = (long) ranks[place] << 32 | place;
        int at = heapSize++;
        while (at > 0 && heap[at - 1 >> 1] > entry) {
            heap[at] = heap[at - 1 >> 1];
            at = at - 1 >> 1;
        }
        heap[at] = entry;
    }

    private long pop() {
        long top = heap[0];
        long moved = heap[--heapSize];
        int at = 0;
        while (true) {
            int child = 2 * at + 1;
            if (child >= heapSize) {
                break;
            }
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= moved) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = moved;
        return top;
    }
}
