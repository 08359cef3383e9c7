package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.AttentionTiles.one;
import static dev.xiaolu.cpu.AttentionTiles.set;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// One thread's part of compression and its gradients: one entry, up to 128 of its channels side by side in vectors, slot after slot.
final class CompressWorker {
    /// Channels of one unit.
    static final int WIDTH = 128;

    private static final int M = 0;
    private static final int L = M + WIDTH;
    private static final int O = L + WIDTH;
    private static final int DY = O + WIDTH;
    private static final int GATES = DY + WIDTH;                 // [slot, WIDTH]: gates, then probabilities, then gradients
    private static final int CONTENTS = GATES + LEAF * WIDTH;    // [slot, WIDTH]

    private final float[] h = new float[CONTENTS + LEAF * WIDTH];
    private float[] nodes = {};                                  // [leaf of windows, WIDTH]

    /// The channels `channel` to `channel + width` of one entry.
    void forward(CompressKernels.Problem problem, int sequence, int entry, int channel, int width, MemorySegment y) {
        pool(problem, sequence, entry, channel, width);
        int wide = padded(width);
        for (int i = 0; i < wide; i += LANES) {
            FloatVector r = FloatVector.broadcast(FLOATS, 1f).div(FloatVector.fromArray(FLOATS, h, L + i));
            FloatVector.fromArray(FLOATS, h, O + i).mul(r).intoArray(h, O + i);
        }
        writeLoop(O, y, 4 * (((long) sequence * problem.entries() + entry) * problem.channels() + channel), width);
    }

    /// This many channels padded to whole vectors.
    private static int padded(int width) {
        return (width + LANES - 1) & -LANES;
    }

    /// Reads the slots and leaves the greatest gates, the exponentials, their sums and the weighted contents; the number of slots.
    private int pool(CompressKernels.Problem problem, int sequence, int entry, int channel, int width) {
        int before = problem.before(sequence, entry);
        int slots = before + problem.ratio();
        int wide = padded(width);
        for (int slot = 0; slot < slots; slot++) {
            long token = problem.token(entry, slot - before);
            int column = problem.column(slot - before) + channel;
            int place = problem.place(slot - before);
            addRowsLoop(problem.gate(), problem.gateAt(sequence, token, column), problem.bias(), problem.biasAt(place, column), GATES + slot * WIDTH, width);
            read(problem.content(), problem.contentAt(sequence, token, column), CONTENTS + slot * WIDTH, width);
        }
        Arrays.fill(h, M, M + WIDTH, Float.NEGATIVE_INFINITY);
        Arrays.fill(h, L, DY, 0);
        for (int slot = 0; slot < slots; slot++) {
            greatestLoop(h, GATES + slot * WIDTH, wide);
        }
        for (int i = 0; i < wide; i += LANES) {
            FloatVector m = FloatVector.fromArray(FLOATS, h, M + i).add(0f);
            m.blend(0f, m.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY)).intoArray(h, M + i);
        }
        for (int slot = 0; slot < slots; slot++) {
            exponentialLoop(h, GATES + slot * WIDTH, wide);
        }
        for (int slot = 0; slot < slots; slot++) {
            weighLoop(h, GATES + slot * WIDTH, CONTENTS + slot * WIDTH, wide);
        }
        return slots;
    }

    private static void greatestLoop(float[] h, int gates, int wide) {
        for (int i = 0; i < wide; i += LANES) {
            FloatVector m = FloatVector.fromArray(FLOATS, h, M + i);
            FloatVector g = FloatVector.fromArray(FLOATS, h, gates + i);
            m.blend(g, g.compare(VectorOperators.GT, m)).intoArray(h, M + i);
        }
    }

    private static void exponentialLoop(float[] h, int gates, int wide) {
        for (int i = 0; i < wide; i += LANES) {
            VectorElementary.exp(FloatVector.fromArray(FLOATS, h, gates + i).sub(FloatVector.fromArray(FLOATS, h, M + i))).intoArray(h, gates + i);
        }
    }

    private static void weighLoop(float[] h, int gates, int contents, int wide) {
        for (int i = 0; i < wide; i += LANES) {
            FloatVector p = FloatVector.fromArray(FLOATS, h, gates + i);
            FloatVector.fromArray(FLOATS, h, L + i).add(p).intoArray(h, L + i);
            p.fma(FloatVector.fromArray(FLOATS, h, contents + i), FloatVector.fromArray(FLOATS, h, O + i)).intoArray(h, O + i);
        }
    }

    /// Gradients of everything that these channels of one entry read.
    void gradients(CompressKernels.Problem problem, int sequence, int entry, int channel, int width, MemorySegment dcontent, MemorySegment dgate) {
        int slots = pool(problem, sequence, entry, channel, width);
        int wide = padded(width);
        read(problem.dy(), problem.dyAt(sequence, entry, channel), DY, width);
        for (int i = 0; i < wide; i += LANES) {
            FloatVector r = FloatVector.broadcast(FLOATS, 1f).div(FloatVector.fromArray(FLOATS, h, L + i));
            r.intoArray(h, L + i);
            FloatVector.fromArray(FLOATS, h, DY + i).mul(FloatVector.fromArray(FLOATS, h, O + i).mul(r)).intoArray(h, O + i);
        }
        int before = slots - problem.ratio();
        for (int slot = 0; slot < slots; slot++) {
            long at = 4 * (((long) sequence * problem.tokens() + problem.token(entry, slot - before)) * problem.columns() + problem.column(slot - before) + channel);
            gradientLoop(h, GATES + slot * WIDTH, CONTENTS + slot * WIDTH, wide);
            writeLoop(CONTENTS + slot * WIDTH, dcontent, at, width);
            writeLoop(GATES + slot * WIDTH, dgate, at, width);
        }
    }

    /// Turns exponentials and contents of one slot into the gradients of gate and content; `L` holds 1 / l and `O` delta.
    private static void gradientLoop(float[] h, int gates, int contents, int wide) {
        for (int i = 0; i < wide; i += LANES) {
            FloatVector p = FloatVector.fromArray(FLOATS, h, gates + i).mul(FloatVector.fromArray(FLOATS, h, L + i));
            FloatVector dy = FloatVector.fromArray(FLOATS, h, DY + i);
            p.mul(dy.mul(FloatVector.fromArray(FLOATS, h, contents + i)).sub(FloatVector.fromArray(FLOATS, h, O + i))).intoArray(h, gates + i);
            p.mul(dy).intoArray(h, contents + i);
        }
    }

    /// Sums the gradients of the gates over the windows of one leaf of work: leaves of 256 windows, then the tree.
    void sum(CompressKernels.Problem problem, MemorySegment dgate, int leaf, int sequences, int place, int column, int width, MemorySegment dbias) {
        int perSequence = problem.tokens() / problem.ratio();
        int windows = sequences * perSequence;
        int leaves = (windows + LEAF - 1) / LEAF;
        if (nodes.length < Math.max(1, leaves) * WIDTH) {
            nodes = new float[Math.max(1, leaves) * WIDTH];
        }
        Arrays.fill(nodes, 0, Math.max(1, leaves) * WIDTH, 0);
        for (int window = 0; window < windows; window++) {
            long token = (long) (leaf * sequences + window / perSequence) * problem.tokens() + (long) (window % perSequence) * problem.ratio() + place;
            addLoop(dgate, 4 * (token * problem.columns() + column), nodes, window / LEAF * WIDTH, width);
        }
        Trees.addLoop(nodes, 0, leaves, WIDTH);
        System.arraycopy(nodes, 0, h, O, WIDTH);
        writeLoop(O, dbias, 4 * (((long) leaf * problem.ratio() + place) * problem.columns() + column), width);
    }

    private static void addLoop(MemorySegment from, long at, float[] sums, int into, int width) {
        int whole = width & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromArray(FLOATS, sums, into + i).add(FloatVector.fromMemorySegment(FLOATS, from, at + 4L * i, LITTLE_ENDIAN)).intoArray(sums, into + i);
        }
        for (int i = whole; i < width; i++) {
            sums[into + i] += one(from, at + 4L * i);
        }
    }

    private void addRowsLoop(MemorySegment a, long atA, MemorySegment b, long atB, int row, int width) {
        int whole = width & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromMemorySegment(FLOATS, a, atA + 4L * i, LITTLE_ENDIAN).add(FloatVector.fromMemorySegment(FLOATS, b, atB + 4L * i, LITTLE_ENDIAN)).intoArray(h, row + i);
        }
        for (int i = whole; i < width; i++) {
            h[row + i] = one(a, atA + 4L * i) + one(b, atB + 4L * i);
        }
        Arrays.fill(h, row + width, row + WIDTH, 0);
    }

    private void read(MemorySegment from, long at, int row, int width) {
        AttentionPacks.packLoop(from, at, width, h, row, WIDTH);
    }

    private void writeLoop(int row, MemorySegment into, long at, int width) {
        int whole = width & -LANES;
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromArray(FLOATS, h, row + i).intoMemorySegment(into, at + 4L * i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < width; i++) {
            set(into, at + 4L * i, h[row + i]);
        }
    }
}
