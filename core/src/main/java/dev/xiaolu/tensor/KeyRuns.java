package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/// The runs of keys that the queries of attention see: one check for every backend.
public final class KeyRuns {
    private KeyRuns() {}

    /// Throws [IndexOutOfBoundsException] naming the first query whose run is not empty and leaves `0..keys-1`.
    ///
    /// @param first first visible key, I32 `[batch, queries]`
    /// @param last  last visible key, I32 `[batch, queries]`; before `first` where the query sees none
    public static void check(Tensor first, Tensor last, long keys) {
        long sequences = first.shape().axis(0);
        long queries = first.shape().axis(1);
        for (long sequence = 0; sequence < sequences; sequence++) {
            for (long query = 0; query < queries; query++) {
                int from = at(first, sequence, query);
                int to = at(last, sequence, query);
                if (from <= to && (from < 0 || to >= keys)) {
                    throw new IndexOutOfBoundsException("query " + query + " of sequence " + sequence + " sees the keys " + from + " to " + to + ", there are " + keys
                            + (keys == 0 ? "" : ", 0 to " + (keys - 1)));
                }
            }
        }
    }

    /// One element of `first` or `last`.
    public static int at(Tensor run, long sequence, long query) {
        return run.data().getAtIndex(JAVA_INT, sequence * run.stride(0) + query * run.stride(1));
    }
}
