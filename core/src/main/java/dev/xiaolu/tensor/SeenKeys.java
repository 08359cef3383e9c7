package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/// Which raw keys the queries of [dev.xiaolu.op.JointAttention] see: one check for every backend. What entries they see, says [SeenEntries].
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

    /// One element of `first` or `last`.
    public static int at(Tensor run, long sequence, long query) {
        return run.data().getAtIndex(JAVA_INT, sequence * run.stride(0) + query * run.stride(1));
    }
}
