package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/// Which raw keys and entries the queries of [dev.xiaolu.op.JointAttention] and of the indexer see: one check for every backend.
public final class SeenKeys {
    private SeenKeys() {}

    /// Throws [IndexOutOfBoundsException] naming the first run of raw keys that `rows` rows cannot hold, or the first origin below 0.
    ///
    /// @param first  first index seen, I32 `[batch, queries]`
    /// @param last   last index seen, I32 `[batch, queries]`; before `first` where a query sees none
    /// @param origin absolute position of index 0, I32 `[batch]`
    public static void checkRuns(Tensor first, Tensor last, Tensor origin, long rows) {
        for (long sequence = 0; sequence < first.shape().axis(0); sequence++) {
            int position = origin.data().getAtIndex(JAVA_INT, sequence * origin.stride(0));
            if (position < 0) {
                throw new IndexOutOfBoundsException("origin of sequence " + sequence + " is " + position + ", wanted an absolute position of 0 or more");
            }
            for (long query = 0; query < first.shape().axis(1); query++) {
                int from = at(first, sequence, query);
                int to = at(last, sequence, query);
                if (from <= to && (from < 0 || to - from >= rows || to >= 2 * rows || position > Integer.MAX_VALUE - to)) {
                    throw new IndexOutOfBoundsException("query " + query + " of sequence " + sequence + " sees the raw keys " + from + " to " + to + " after position " + position + ", there are " + rows
                            + " rows; wanted at most so many keys, indices from 0 to " + (2 * rows - 1) + " and positions that fit in 31 bits");
                }
            }
        }
    }

    /// Throws [IndexOutOfBoundsException] naming the first query that sees fewer than 0 or more than `count` entries.
    ///
    /// @param visible number of entries seen, I32 `[batch, queries]`
    public static void checkVisible(Tensor visible, long count) {
        for (long sequence = 0; sequence < visible.shape().axis(0); sequence++) {
            for (long query = 0; query < visible.shape().axis(1); query++) {
                int seen = at(visible, sequence, query);
                if (seen < 0 || seen > count) {
                    throw new IndexOutOfBoundsException("query " + query + " of sequence " + sequence + " sees " + seen + " entries, wanted 0 to " + count);
                }
            }
        }
    }

    /// Throws [IndexOutOfBoundsException] naming the first place whose entry does not exist or does not come after the one before.
    ///
    /// @param chosen entries seen, ascending and −1 behind the last, I32 `[batch, queries, places]`
    public static void checkChosen(Tensor chosen, long count) {
        for (long sequence = 0; sequence < chosen.shape().axis(0); sequence++) {
            for (long query = 0; query < chosen.shape().axis(1); query++) {
                int before = -1;
                boolean ended = false;
                for (long place = 0; place < chosen.shape().axis(2); place++) {
                    int entry = at(chosen, sequence, query, place);
                    if (entry == -1) {
                        ended = true;
                    } else if (ended || entry <= before || entry >= count) {
                        throw new IndexOutOfBoundsException("query " + query + " of sequence " + sequence + " chooses entry " + entry + " at place " + place + (ended ? " behind a −1" : " after " + before)
                                + ", wanted ascending entries of 0 to " + (count - 1) + ", then −1");
                    }
                    before = entry;
                }
            }
        }
    }

    /// Checks `visible`, or `chosen` where it has three axes.
    public static void checkEntries(Tensor seen, long count) {
        if (seen.shape().rank() == 3) {
            checkChosen(seen, count);
        } else {
            checkVisible(seen, count);
        }
    }

    /// How many entries a query sees, by `visible` or by `chosen`.
    public static int count(Tensor seen, long sequence, long query) {
        if (seen.shape().rank() == 2) {
            return at(seen, sequence, query);
        }
        int count = 0;
        while (count < seen.shape().axis(2) && at(seen, sequence, query, count) >= 0) {
            count++;
        }
        return count;
    }

    /// One element of `first`, `last` or `visible`.
    public static int at(Tensor run, long sequence, long query) {
        return run.data().getAtIndex(JAVA_INT, sequence * run.stride(0) + query * run.stride(1));
    }

    /// One element of `chosen`.
    public static int at(Tensor chosen, long sequence, long query, long place) {
        return chosen.data().getAtIndex(JAVA_INT, sequence * chosen.stride(0) + query * chosen.stride(1) + place);
    }
}
