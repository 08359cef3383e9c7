package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;

import dev.xiaolu.tensor.KeyRuns;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Sizes and key runs of one call of attention, with arrays that are kept between calls.
///
/// A *row* is one query of one head of a group; rows of a group are numbered `query · group + member`, so neighbours see nearly the same keys.
/// Filled by the caller's thread, then read by all workers.
final class AttentionProblem {
    int batch;
    int queries;
    int heads;
    int keys;
    int kvHeads;
    int group;
    int dim;
    private int[] first = {};                                    // [batch, queries]
    private int[] last = {};

    /// Reads the sizes of `q k v first last`; throws [IndexOutOfBoundsException] for runs that leave the keys.
    void read(Tensor[] in) {
        batch = Math.toIntExact(in[0].shape().axis(0));
        queries = Math.toIntExact(in[0].shape().axis(1));
        heads = Math.toIntExact(in[0].shape().axis(2));
        dim = Math.toIntExact(in[0].shape().axis(3));
        keys = Math.toIntExact(in[1].shape().axis(1));
        kvHeads = Math.toIntExact(in[1].shape().axis(2));
        group = heads / kvHeads;
        KeyRuns.check(in[3], in[4], keys);
        if (first.length < batch * queries) {
            first = new int[batch * queries];
            last = new int[batch * queries];
        }
        for (int sequence = 0; sequence < batch; sequence++) {
            for (int query = 0; query < queries; query++) {
                int from = KeyRuns.at(in[3], sequence, query);
                int to = KeyRuns.at(in[4], sequence, query);
                first[sequence * queries + query] = from <= to ? from : Integer.MAX_VALUE;   // so that an empty run meets no leaf
                last[sequence * queries + query] = from <= to ? to : -1;
            }
        }
    }

    /// First key that a query sees; greater than any key where it sees none.
    int first(int sequence, int query) {
        return first[sequence * queries + query];
    }

    /// Last key that a query sees; −1 where it sees none.
    int last(int sequence, int query) {
        return last[sequence * queries + query];
    }

    /// Levels of the tree over so many keys or queries in which a left side may have to wait.
    static int levels(int count) {
        int leaves = Math.max(1, (count + ATTENTION_LEAF - 1) / ATTENTION_LEAF);
        return 32 - Integer.numberOfLeadingZeros(leaves);
    }

    /// Where the heads of one tensor `[sequences, positions, heads, ...]` lie, in bytes.
    record Heads(MemorySegment data, long perSequence, long perPosition, long perHead) {
        static Heads of(Tensor tensor) {
            return new Heads(tensor.data(), 4 * tensor.stride(0), 4 * tensor.stride(1), 4 * tensor.stride(2));
        }

        /// Whether all heads of a sequence, of `dim` floats each and `heads` to a position, lie one after the other.
        boolean areTogether(int heads, int dim) {
            return perHead == 4L * dim && perPosition == perHead * heads;
        }

        long at(int sequence, int position, int head) {
            return sequence * perSequence + position * perPosition + head * perHead;
        }
    }
}
