package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.ExpertLinear;
import dev.xiaolu.op.ExpertLinearGrad;
import dev.xiaolu.op.GroupedLinear;
import dev.xiaolu.op.GroupedLinearGrad;
import dev.xiaolu.op.MatMul;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.ChosenExperts;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Products with a weight for each part of their rows: all in one go.
final class ExpertLinearKernels implements AutoCloseable {
    private static final MatMul WEIGHT_GRADIENT = new MatMul(true, false);

    private final Workers workers;
    private final ManyProducts products;
    private final Buffer left = new Buffer();
    private final Buffer right = new Buffer();

    ExpertLinearKernels(Workers workers) {
        this.workers = workers;
        products = new ManyProducts(workers);
    }

    void experts(ExpertLinear op, Tensor[] in, Tensor[] out) {
        ChosenExperts.checkOffsets(in[3], in[0].shape().axis(0));
        if (in[0].shape().last() == 0) {
            out[0].data().fill((byte) 0);
            return;
        }
        var product = new MatMul(false, !op.transposed());
        for (int expert = 0; expert < in[1].shape().axis(0); expert++) {
            int from = offset(in[3], expert);
            int to = offset(in[3], expert + 1);
            if (from < to) {
                products.add(product, in[0].slice(0, from, to), in[1].at(expert), out[0].slice(0, from, to));
            }
        }
        products.run();
    }

    /// The pairs of an expert lie in ascending order of their numbers, so those of a leaf of work lie together.
    void expertGradients(ExpertLinearGrad op, Tensor[] in, Tensor[] out) {
        long pairs = in[0].shape().axis(0) / op.leaves();
        ChosenExperts.checkOffsets(in[3], in[0].shape().axis(0));
        ChosenExperts.checkOrder(in[2], in[3]);
        for (int expert = 0; expert < in[3].shape().size() - 1; expert++) {
            int from = offset(in[3], expert);
            int end = offset(in[3], expert + 1);
            for (long leaf = 0; leaf < op.leaves(); leaf++) {
                int to = from;
                while (to < end && in[2].data().getAtIndex(JAVA_INT, to) < (leaf + 1) * pairs) {
                    to++;
                }
                Tensor dweight = out[0].at(leaf).at(expert);
                if (from < to) {
                    products.add(WEIGHT_GRADIENT, in[1].slice(0, from, to), in[0].slice(0, from, to), dweight);
                } else {
                    dweight.data().asSlice(0, dweight.type().bytes()).fill((byte) 0);
                }
                from = to;
            }
        }
        products.run();
    }

    private static int offset(Tensor offsets, int expert) {
        return offsets.data().getAtIndex(JAVA_INT, expert);
    }

    void groups(GroupedLinear op, Tensor[] in, Tensor[] out) {
        long groups = in[0].shape().axis(-2);
        Tensor x = rows(in[0], left);
        long rows = x.shape().axis(0);
        long inner = in[0].shape().last();
        long outer = out[0].shape().last();
        long each = in[1].shape().axis(0) / groups;
        var product = new MatMul(false, !op.transposed());
        if (inner == 0) {
            out[0].data().fill((byte) 0);
            return;
        }
        Tensor y = out[0].reshape(rows, groups * outer);
        for (long group = 0; group < groups && rows > 0; group++) {
            products.add(product, x.slice(1, group * inner, (group + 1) * inner), in[1].slice(0, group * each, (group + 1) * each), y.slice(1, group * outer, (group + 1) * outer));
        }
        products.run();
    }

    void groupGradients(GroupedLinearGrad op, Tensor[] in, Tensor[] out) {
        long groups = in[0].shape().axis(-2);
        long inner = in[0].shape().last();
        long outer = in[1].shape().last();
        Tensor x = rows(in[0], left);
        Tensor dy = rows(in[1], right);
        long rows = x.shape().axis(0) / op.leaves();
        if (rows == 0) {
            out[0].data().fill((byte) 0);
            return;
        }
        for (long leaf = 0; leaf < op.leaves(); leaf++) {
            for (long group = 0; group < groups; group++) {
                Tensor a = dy.slice(0, leaf * rows, (leaf + 1) * rows).slice(1, group * outer, (group + 1) * outer);
                Tensor b = x.slice(0, leaf * rows, (leaf + 1) * rows).slice(1, group * inner, (group + 1) * inner);
                products.add(WEIGHT_GRADIENT, a, b, out[0].at(leaf).slice(0, group * outer, (group + 1) * outer));
            }
        }
        products.run();
    }

    /// `x [..., groups, width]` as `[rows, groups · width]`, copied where it has gaps.
    private Tensor rows(Tensor x, Buffer copies) {
        long width = x.shape().last();
        long groups = x.shape().axis(-2);
        Shape shape = Shape.of(x.shape().rows() / groups, groups * width);
        if (x.isContiguous()) {
            return x.reshape(shape);
        }
        MemorySegment copy = copies.atLeast(4 * shape.size());
        workers.share(x.shape().rows(), 64, (from, to) -> {
            for (long row = from; row < to; row++) {
                MemorySegment.copy(x.data(), 4 * x.offsetOf(row * width), copy, 4 * row * width, 4 * width);
            }
        });
        return Tensor.of(TensorType.f32(shape), copy);
    }

    @Override public void close() {
        left.close();
        right.close();
        products.close();
    }
}
