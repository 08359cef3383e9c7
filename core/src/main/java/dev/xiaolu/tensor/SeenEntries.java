package dev.xiaolu.tensor;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/// Which entries the queries of [dev.xiaolu.op.JointAttention] and of the indexer see: the first so many, a run of them, or those that a query names. One check and one reading for every backend.
///
/// Entries go by *numbers*: their index or, where queries name them, their rank among those named.
///
/// @param seen     I32: `visible [batch, queries]`, how many from the first on, or `visible [batch, queries, 2]`, the first and the one behind the last; or `chosen [batch, queries, places]`, ascending and −1 behind the last
/// @param gathered whether it is `chosen`
public record SeenEntries(Tensor seen, boolean gathered) {
    /// What the queries see of `count` entries. Throws [IndexOutOfBoundsException] naming the first query that asks for others.
    public static SeenEntries of(Tensor seen, boolean gathered, long count) {
        var entries = new SeenEntries(seen, gathered);
        for (long sequence = 0; sequence < seen.shape().axis(0); sequence++) {
            for (long query = 0; query < seen.shape().axis(1); query++) {
                if (gathered) {
                    entries.checkChosen(sequence, query, count);
                } else {
                    entries.checkVisible(sequence, query, count);
                }
            }
        }
        return entries;
    }

    private void checkVisible(long sequence, long query, long count) {
        int first = first(sequence, query);
        int end = end(sequence, query);
        if (first < 0 || end < first || end > count) {
            throw new IndexOutOfBoundsException("query " + query + " of sequence " + sequence + " sees " + (isRun() ? "the entries from " + first + " to before " + end + ", wanted a run within 0 to "
                    : end + " entries, wanted 0 to ") + count);
        }
    }

    private void checkChosen(long sequence, long query, long count) {
        int before = -1;
        boolean ended = false;
        for (long place = 0; place < seen.shape().axis(2); place++) {
            int entry = at(sequence, query, place);
            if (entry == -1) {
                ended = true;
            } else if (ended || entry <= before || entry >= count) {
                throw new IndexOutOfBoundsException("query " + query + " of sequence " + sequence + " chooses entry " + entry + " at place " + place + (ended ? " behind a −1" : " after " + before)
                        + ", wanted ascending entries of 0 to " + (count - 1) + ", then −1");
            }
            before = entry;
        }
    }

    /// The number of the first entry that a query sees.
    public int first(long sequence, long query) {
        return isRun() ? at(sequence, query, 0) : 0;
    }

    /// The number behind the last one's; that of the first where a query sees none.
    public int end(long sequence, long query) {
        if (!gathered) {
            return at(sequence, query, isRun() ? 1 : 0);
        }
        int count = 0;
        while (count < seen.shape().axis(2) && at(sequence, query, count) >= 0) {
            count++;
        }
        return count;
    }

    /// The index of the entry with a number that the query sees.
    public int index(long sequence, long query, int number) {
        return gathered ? at(sequence, query, number) : number;
    }

    private boolean isRun() {
        return !gathered && seen.shape().rank() == 3;
    }

    private int at(long sequence, long query, long place) {
        return seen.data().getAtIndex(JAVA_INT, sequence * seen.stride(0) + query * seen.stride(1) + place);
    }
}
