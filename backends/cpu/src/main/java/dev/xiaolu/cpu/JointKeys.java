package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.LEAF_BYTES;
import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.ATTENTION_LEAF;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// One leaf of keys as [AttentionTiles] reads it: as rows, for they are values too, and turned, for the scores. Wherever the keys lie, in order, in a ring or gathered, their rows lie side by side here.
///
/// Owned by one thread, kept between calls.
final class JointKeys {
    /// The keys as columns, `[dim, leaf]`, from this byte on.
    static final long TURNED = 0;

    MemorySegment s = MemorySegment.NULL;
    /// The keys as rows, `[leaf, columns]`, from this byte on.
    long rows;
    /// Whether all keys of the leaf are finite, so that a weight of 0 leaves every sum as it is.
    boolean finite;
    private int dim;
    private int columns;

    /// Makes room for keys of this width.
    void lay(int dim) {
        this.dim = dim;
        columns = AttentionTiles.padded(dim);
        rows = dim * LEAF_BYTES;
        long bytes = rows + 4L * ATTENTION_LEAF * columns;
        if (s.byteSize() < bytes) {
            s = Arena.ofAuto().allocate(bytes, 64);
        }
    }

    /// The keys of one side whose numbers are `from` to `to` (both included) after the leaf's first; gathered entries are those of `query`.
    void load(JointProblem problem, int side, int sequence, int query, int leaf, int from, int to) {
        JointProblem.Keys keys = problem.side(side);
        finite = true;
        for (int key = from; key <= to; key++) {
            int number = leaf * ATTENTION_LEAF + key;
            int row = side == JointProblem.RAW ? (number - problem.origin(sequence)) % problem.rawRows : problem.gathered ? problem.chosen(sequence, query, number) : number;
            finite &= packLoop(keys.data(), sequence * keys.perSequence() + row * keys.perRow(), dim, s, rows + 4L * key * columns, columns);
        }
        turn(from, to);
    }

    /// `count` rows of one side from `row` on, in the order in which they lie.
    void loadRows(JointProblem problem, int side, int sequence, int row, int count) {
        JointProblem.Keys keys = problem.side(side);
        for (int key = 0; key < count; key++) {
            packLoop(keys.data(), sequence * keys.perSequence() + (row + key) * keys.perRow(), dim, s, rows + 4L * key * columns, columns);
        }
        turn(0, count - 1);
    }

    /// The `count` entries of `query` from this rank on, the first of them in the first place.
    void loadRanks(JointProblem problem, int sequence, int query, int rank, int count) {
        JointProblem.Keys keys = problem.side(JointProblem.ENTRIES);
        for (int key = 0; key < count; key++) {
            packLoop(keys.data(), sequence * keys.perSequence() + problem.chosen(sequence, query, rank + key) * keys.perRow(), dim, s, rows + 4L * key * columns, columns);
        }
        turn(0, count - 1);
    }

    private void turn(int from, int to) {
        AttentionPacks.turn(s, rows, 4L * columns, from, to, dim, s, TURNED);
    }

    /// Copies `dim` floats into a row of `columns` and fills it up with zeros; whether all are finite.
    static boolean packLoop(MemorySegment from, long at, int dim, MemorySegment to, long row, int columns) {
        int whole = dim & -LANES;
        FloatVector zeros = FloatVector.zero(FLOATS);            // +0 or −0 as long as all are finite, else NaN
        for (long i = 0; i < 4L * whole; i += 4 * LANES) {
            FloatVector x = FloatVector.fromMemorySegment(FLOATS, from, at + i, LITTLE_ENDIAN);
            x.intoMemorySegment(to, row + i, LITTLE_ENDIAN);
            zeros = x.mul(0f).add(zeros);
        }
        boolean finite = zeros.compare(VectorOperators.EQ, 0f).allTrue();
        for (int i = whole; i < dim; i++) {
            float x = one(from, at + 4L * i);
            set(to, row + 4L * i, x);
            finite &= x * 0f == 0f;
        }
        for (int i = dim; i < columns; i++) {
            set(to, row + 4L * i, 0);
        }
        return finite;
    }
}
