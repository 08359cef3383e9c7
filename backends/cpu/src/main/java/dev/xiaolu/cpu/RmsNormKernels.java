package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static dev.xiaolu.op.Numerics.LEAF;
import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.cpu.Lanes.Value;
import dev.xiaolu.op.Numerics;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.RmsNormGrad;
import dev.xiaolu.op.SquareSums;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/// The root-mean-square norm, its gradients, and the block sums from which norms of whole gradients are made.
final class RmsNormKernels {
    private final Workers workers;
    /// The gain's gradient of every leaf of 256 rows, `[leaf, hidden]`; grows to the largest call.
    private float[] partials = new float[0];
    /// The same outside of the heap.
    private MemorySegment addedUp = MemorySegment.NULL;

    RmsNormKernels(Workers workers) {
        this.workers = workers;
    }

    void forward(RmsNorm op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        int hidden = (int) x.shape().last();
        if (MachineCode.available()) {
            Spans.rows(workers, 8, Code.FORWARD, new float[] {hidden, op.epsilon()}, x.shape().rows(), hidden, new long[] {hidden, 0, hidden}, x, in[1], out[0]);
            return;
        }
        MemorySegment gain = in[1].data();
        MemorySegment y = out[0].data();
        workers.share(x.shape().rows(), 8, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long row = from; row < to; row++) {
                forwardLoop(x.data(), 4 * x.offsetOf(row * hidden), gain, y, 4 * row * hidden, hidden, op.epsilon(), lanes);
            }
        });
    }

    private static void forwardLoop(MemorySegment x, long atX, MemorySegment gain, MemorySegment y, long atY, int hidden, float epsilon, float[] lanes) {
        float r = inverseRoot(x, atX, hidden, epsilon, lanes);
        long i = 0;
        for (; i <= hidden - LANES; i += LANES) {
            store(load(x, atX + 4 * i).mul(r).mul(load(gain, 4 * i)), y, atY + 4 * i);
        }
        for (; i < hidden; i++) {
            y.set(JAVA_FLOAT, atY + 4 * i, x.get(JAVA_FLOAT, atX + 4 * i) * r * gain.get(JAVA_FLOAT, 4 * i));
        }
    }

    private static float inverseRoot(MemorySegment x, long at, int hidden, float epsilon, float[] lanes) {
        return 1 / (float) Math.sqrt(RowSums.squareLoop(x, at, hidden, lanes) / hidden + epsilon);
    }

    void gradients(RmsNormGrad op, Tensor[] in, Tensor[] out) {
        Tensor x = in[0];
        Tensor dy = in[2];
        MemorySegment gain = in[1].data();
        MemorySegment dx = out[0].data();
        int hidden = (int) x.shape().last();
        long rows = x.shape().rows() / op.leaves();
        int leavesOfRows = (int) ((rows + LEAF - 1) / LEAF);
        int blocks = op.leaves() * leavesOfRows;
        if (MachineCode.available()) {
            gradients(op, in, out, hidden, rows, leavesOfRows);
            return;
        }
        if (partials.length < blocks * hidden) {
            partials = new float[blocks * hidden];
        }
        workers.share(blocks, 1, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (int block = (int) from; block < to; block++) {
                long first = block / leavesOfRows * rows + (long) (block % leavesOfRows) * LEAF;
                long end = Math.min(first + LEAF, (block / leavesOfRows + 1) * rows);
                Arrays.fill(partials, block * hidden, (block + 1) * hidden, 0);
                for (long row = first; row < end; row++) {
                    gradientLoop(x.data(), 4 * x.offsetOf(row * hidden), gain, dy.data(), 4 * dy.offsetOf(row * hidden), dx, 4 * row * hidden, hidden, op.epsilon(),
                            partials, block * hidden, lanes);
                }
            }
        });
        sumLeaves(op, out[1], hidden, leavesOfRows);
    }

    /// The same by machine code, which adds up the gain's gradient outside of the heap.
    private void gradients(RmsNormGrad op, Tensor[] in, Tensor[] out, int hidden, long rows, int leavesOfRows) {
        Tensor x = in[0];
        Tensor dy = in[2];
        int blocks = op.leaves() * leavesOfRows;
        if (addedUp.byteSize() < 4L * blocks * hidden) {
            addedUp = Arena.ofAuto().allocate(4L * blocks * hidden, 64);
            partials = new float[blocks * hidden];
        }
        boolean even = x.isContiguous() && dy.isContiguous();
        workers.share(blocks, 1, (from, to) -> {
            LaneCall call = Code.GRADIENTS.call().factor(0, hidden).factor(1, op.epsilon()).place(1, Spans.address(in[1], 0))
                    .stride(0, 4L * hidden).stride(2, 4L * hidden).stride(3, 4L * hidden);
            for (int block = (int) from; block < to; block++) {
                long first = block / leavesOfRows * rows + (long) (block % leavesOfRows) * LEAF;
                long end = Math.min(first + LEAF, (block / leavesOfRows + 1) * rows);
                addedUp.asSlice(4L * block * hidden, 4L * hidden).fill((byte) 0);
                call.place(4, addedUp.address() + 4L * block * hidden);
                for (long row = first; row < end; row += even ? end - first : 1) {
                    call.place(0, Spans.address(x, row * hidden)).place(2, Spans.address(dy, row * hidden)).place(3, Spans.address(out[0], row * hidden));
                    call.rows(even ? end - first : 1, hidden);
                }
            }
        });
        Reference.reachabilityFence(in);
        MemorySegment.copy(addedUp, JAVA_FLOAT, 0, partials, 0, blocks * hidden);
        sumLeaves(op, out[1], hidden, leavesOfRows);
    }

    private void sumLeaves(RmsNormGrad op, Tensor dgain, int hidden, int leavesOfRows) {
        if (leavesOfRows == 0) {
            dgain.data().fill((byte) 0);
            return;
        }
        for (int leaf = 0; leaf < op.leaves(); leaf++) {
            int at = leaf * leavesOfRows * hidden;
            Trees.addLoop(partials, at, leavesOfRows, hidden);
            MemorySegment.copy(partials, at, dgain.data(), JAVA_FLOAT, 4L * leaf * hidden, hidden);
        }
    }

    /// Rows in machine code. Factors: how many elements, epsilon.
    private static final class Code {
        /// `x, gain, y`.
        static final LaneLoop FORWARD = LaneLoop.rows(x -> {
            Value r = LaneElementary.inverseRoot(x, x.squares(0), x.factor(0), x.factor(1));
            x.each(() -> x.store(2, x.mul(x.mul(x.load(0), r), x.load(1))));
        });
        /// `x, gain, dy, dx, dgain`.
        static final LaneLoop GRADIENTS = LaneLoop.rows(x -> {
            Lanes.Sum squares = x.start();
            Lanes.Sum products = x.start();
            x.sums(() -> {
                Value v = x.load(0);
                x.accumulateProduct(squares, v, v);
                x.accumulateProduct(products, x.mul(x.load(2), x.load(1)), v);
            });
            Value r = LaneElementary.inverseRoot(x, x.total(squares), x.factor(0), x.factor(1));
            Value c = x.div(x.mul(x.mul(x.total(products), r), r), x.factor(0));
            x.each(() -> {
                Value v = x.load(0);
                Value d = x.load(2);
                x.store(3, x.mul(r, x.minusFma(v, c, x.mul(d, x.load(1)))));
                x.store(4, x.fma(d, x.mul(v, r), x.load(4)));
            });
        });
        /// Blocks, sums.
        static final LaneLoop SQUARES = LaneLoop.rows(x -> x.storeOne(1, 0, x.squares(0)));
    }

    private static void gradientLoop(MemorySegment x, long atX, MemorySegment gain, MemorySegment dy, long atDy, MemorySegment dx, long atDx, int hidden, float epsilon,
            float[] dgain, int atDgain, float[] lanes) {
        float r = inverseRoot(x, atX, hidden, epsilon, lanes);
        float c = RowSums.productLoop(dy, atDy, gain, 0, x, atX, hidden, lanes) * r * r / hidden;
        FloatVector rs = FloatVector.broadcast(FLOATS, r);
        FloatVector cs = FloatVector.broadcast(FLOATS, c);
        int i = 0;
        for (; i <= hidden - LANES; i += LANES) {
            FloatVector v = load(x, atX + 4L * i);
            FloatVector d = load(dy, atDy + 4L * i);
            store(rs.mul(v.neg().fma(cs, d.mul(load(gain, 4L * i)))), dx, atDx + 4L * i);
            d.fma(v.mul(rs), FloatVector.fromArray(FLOATS, dgain, atDgain + i)).intoArray(dgain, atDgain + i);
        }
        for (; i < hidden; i++) {
            float v = x.get(JAVA_FLOAT, atX + 4L * i);
            float d = dy.get(JAVA_FLOAT, atDy + 4L * i);
            dx.set(JAVA_FLOAT, atDx + 4L * i, r * Math.fma(-v, c, d * gain.get(JAVA_FLOAT, 4L * i)));
            dgain[atDgain + i] = Math.fma(d, v * r, dgain[atDgain + i]);
        }
    }

    void squareSums(SquareSums op, Tensor[] in, Tensor[] out) {
        check(in[0].isContiguous(), "SquareSums: x %s is a view with gaps, wanted a contiguous tensor", in[0]);
        MemorySegment x = in[0].data();
        MemorySegment y = out[0].data();
        long size = in[0].shape().size();
        if (MachineCode.available()) {
            workers.share(out[0].shape().size(), 4, (from, to) -> {
                LaneCall call = Code.SQUARES.call().stride(0, 4L * Numerics.BLOCK).stride(1, 4);
                long whole = Math.min(to, size / Numerics.BLOCK);
                call.place(0, x.address() + 4 * from * Numerics.BLOCK).place(1, y.address() + 4 * from).rows(whole - from, Numerics.BLOCK);
                if (whole < to) {
                    call.place(0, x.address() + 4 * whole * Numerics.BLOCK).place(1, y.address() + 4 * whole).rows(1, size - whole * Numerics.BLOCK);
                }
            });
            Reference.reachabilityFence(in);
            return;
        }
        workers.share(out[0].shape().size(), 4, (from, to) -> {
            float[] lanes = new float[Numerics.LANES];
            for (long block = from; block < to; block++) {
                long first = block * Numerics.BLOCK;
                y.set(JAVA_FLOAT, 4 * block, RowSums.squareLoop(x, 4 * first, Math.min(Numerics.BLOCK, size - first), lanes));
            }
        });
    }
}
