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
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Products with a weight for each part of their rows: one matrix product after the other, each by the whole team.
final class ExpertLinearKernels implements AutoCloseable {
    private static final MatMul WEIGHT_GRADIENT = new MatMul(true, false);

    private final Workers workers;
    private final Kernel<MatMul> products;
    private final Buffer left = new Buffer();
    private final Buffer right = new Buffer();
    private final Buffer results = new Buffer();

    ExpertLinearKernels(Workers workers, Kernel<MatMul> products) {
        this.workers = workers;
        this.products = products;
    }

    void experts(ExpertLinear op, Tensor[] in, Tensor[] out) {
        ChosenExperts.checkOffsets(in[3], in[0].shape().axis(0));
        var product = new MatMul(false, !op.transposed());
        for (int expert = 0; expert < in[1].shape().axis(0); expert++) {
            int from = offset(in[3], expert);
            int to = offset(in[3], expert + 1);
            if (from < to) {
                products.run(product, new Tensor[] {in[0].slice(0, from, to), in[1].at(expert)}, new Tensor[] {out[0].slice(0, from, to)});
            }
        }
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
                    products.run(WEIGHT_GRADIENT, new Tensor[] {in[1].slice(0, from, to), in[0].slice(0, from, to)}, new Tensor[] {dweight});
                } else {
                    dweight.data().asSlice(0, dweight.type().bytes()).fill((byte) 0);
                }
                from = to;
            }
        }
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
        var type = TensorType.f32(Shape.of(rows, outer));
        MemorySegment result = results.atLeast(type.bytes());
        for (long group = 0; group < groups && rows > 0; group++) {
            long column = group * outer;
            products.run(product, new Tensor[] {x.slice(1, group * inner, (group + 1) * inner), in[1].slice(0, group * each, (group + 1) * each)},
                    new Tensor[] {Tensor.of(type, result)});
            workers.share(rows, 64, (from, to) -> {
                for (long row = from; row < to; row++) {
                    MemorySegment.copy(result, 4 * row * outer, out[0].data(), 4 * (row * groups * outer + column), 4 * outer);
                }
            });
        }
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
                products.run(WEIGHT_GRADIENT, new Tensor[] {a, b}, new Tensor[] {out[0].at(leaf).slice(0, group * outer, (group + 1) * outer)});
            }
        }
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
        results.close();
    }
}
