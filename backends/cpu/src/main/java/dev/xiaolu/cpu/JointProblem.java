package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.cpu.AttentionProblem.Heads;
import dev.xiaolu.tensor.SeenEntries;
import dev.xiaolu.tensor.SeenKeys;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Sizes of one call of joint attention and which keys its queries see, with arrays that are kept between calls.
///
/// Of each sequence, a *row* is one head of one query, `query · heads + head`. Side 0 are the entries, side 1 the raw keys; the keys of a side go by their numbers.
/// Filled by the caller's thread, then read by all workers.
final class JointProblem {
    static final int ENTRIES = 0;
    static final int RAW = 1;

    int batch;
    int queries;
    int heads;
    int dim;
    int rawRows;
    int entries;
    boolean gathered;
    Heads q;
    private Keys[] sides = new Keys[2];
    private MemorySegment chosen;
    private long chosenPerSequence;
    private long chosenPerQuery;
    private int[] origins = {};                                  // [batch]
    private int[] first = {};                                    // raw keys, by position, [batch, queries]
    private int[] last = {};
    private int[] start = {};                                    // entries, by number: the first, and the one behind the last
    private int[] end = {};

    /// Where the keys of one side lie, in bytes.
    record Keys(MemorySegment data, long perSequence, long perRow) {
        static Keys of(Tensor tensor) {
            return new Keys(tensor.data(), 4 * tensor.stride(0), 4 * tensor.stride(1));
        }
    }

    /// Reads `q raw entries sink first last origin visible|chosen`; throws [IndexOutOfBoundsException] for keys that do not exist.
    void read(Tensor[] in, boolean gathered) {
        rawRows = Math.toIntExact(in[1].shape().axis(1));
        SeenKeys.checkRuns(in[4], in[5], in[6], rawRows);
        readEntries(in[0], in[2], in[7], gathered);
        sides[RAW] = Keys.of(in[1]);
        if (first.length < batch * queries) {
            first = new int[batch * queries];
            last = new int[batch * queries];
        }
        if (origins.length < batch) {
            origins = new int[batch];
        }
        for (int sequence = 0; sequence < batch; sequence++) {
            int origin = in[6].data().getAtIndex(JAVA_INT, sequence * in[6].stride(0));
            origins[sequence] = origin;
            for (int query = 0; query < queries; query++) {
                int from = SeenKeys.at(in[4], sequence, query);
                int to = SeenKeys.at(in[5], sequence, query);
                first[sequence * queries + query] = from <= to ? origin + from : Integer.MAX_VALUE;      // so that an empty run meets no leaf
                last[sequence * queries + query] = from <= to ? origin + to : -1;
            }
        }
    }

    /// Reads the queries and the entries they see; the raw side stays as it was.
    void readEntries(Tensor ofQ, Tensor ofEntries, Tensor seen, boolean gathered) {
        this.gathered = gathered;
        batch = Math.toIntExact(ofQ.shape().axis(0));
        queries = Math.toIntExact(ofQ.shape().axis(1));
        heads = Math.toIntExact(ofQ.shape().axis(2));
        dim = Math.toIntExact(ofQ.shape().axis(3));
        entries = Math.toIntExact(ofEntries.shape().axis(1));
        q = Heads.of(ofQ);
        SeenEntries read = SeenEntries.of(seen, gathered, entries);
        sides[ENTRIES] = Keys.of(ofEntries);
        chosen = seen.data();
        chosenPerSequence = seen.stride(0);
        chosenPerQuery = seen.stride(1);
        if (end.length < batch * queries) {
            start = new int[batch * queries];
            end = new int[batch * queries];
        }
        for (int sequence = 0; sequence < batch; sequence++) {
            for (int query = 0; query < queries; query++) {
                start[sequence * queries + query] = read.first(sequence, query);
                end[sequence * queries + query] = read.end(sequence, query);
            }
        }
    }

    int rows() {
        return queries * heads;
    }

    /// The end of the entries that any query sees.
    int endOfSeen() {
        int most = 0;
        for (int i = 0; i < batch * queries; i++) {
            most = Math.max(most, end[i]);
        }
        return most;
    }

    Keys side(int side) {
        return sides[side];
    }

    int origin(int sequence) {
        return origins[sequence];
    }

    /// First number that a query sees of a side; greater than any where it sees none.
    int first(int side, int sequence, int query) {
        int at = sequence * queries + query;
        return side == RAW ? first[at] : start[at] < end[at] ? start[at] : Integer.MAX_VALUE;
    }

    /// Last number that a query sees of a side; −1 where it sees none.
    int last(int side, int sequence, int query) {
        int at = sequence * queries + query;
        return side == RAW ? last[at] : start[at] < end[at] ? end[at] - 1 : -1;
    }

    /// The entry of a rank among those a query has chosen.
    int chosen(int sequence, int query, int rank) {
        return chosen.getAtIndex(JAVA_INT, sequence * chosenPerSequence + query * chosenPerQuery + rank);
    }

    /// The first rank from which on a query has chosen entries of at least `entry`.
    int rankOf(int sequence, int query, int entry) {
        int low = 0;
        int high = end[sequence * queries + query];
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (chosen(sequence, query, middle) < entry) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /// Whether a query sees a key of either side.
    boolean sees(int sequence, int query) {
        return last(ENTRIES, sequence, query) >= 0 || last(RAW, sequence, query) >= 0;
    }

    /// Rows of a unit of work, a multiple of `grain`: as many as share packed keys well, but so few that every thread has work.
    static int chunk(int batch, int rows, int threads, int grain, int most) {
        int chunk = Math.min(most, Math.max(grain, (rows + grain - 1) / grain * grain));
        while (chunk > 2 * grain && batch * ((rows + chunk - 1) / chunk) < (batch % threads == 0 ? threads : 3 * threads)) {
            chunk = (chunk / 2 + grain - 1) / grain * grain;
        }
        return chunk;
    }
}
