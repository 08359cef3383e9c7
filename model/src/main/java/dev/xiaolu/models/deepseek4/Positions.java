package dev.xiaolu.models.deepseek4;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;

/// Small tables of positions and counts that attention reads, I32, from the scratch of the step.
final class Positions {
    private Positions() {}

    /// A number for each sequence and index.
    @FunctionalInterface
    interface Rule {
        int at(int sequence, int index);
    }

    /// `[batch, count]`, filled by a rule.
    static Tensor of(long batch, long count, Rule rule) {
        Tensor table = Compute.current().scratch().allocate(new TensorType(DType.I32, Shape.of(batch, count)));
        for (int sequence = 0; sequence < batch; sequence++) {
            for (int index = 0; index < count; index++) {
                table.data().setAtIndex(JAVA_INT, sequence * count + index, rule.at(sequence, index));
            }
        }
        return table;
    }

    /// `[batch, count, 2]`: runs of entries, from the first up to before the one that `end` gives; empty where `first` is no less.
    static Tensor runs(long batch, long count, Rule first, Rule end) {
        Tensor table = Compute.current().scratch().allocate(new TensorType(DType.I32, Shape.of(batch, count, 2)));
        for (int sequence = 0; sequence < batch; sequence++) {
            for (int index = 0; index < count; index++) {
                int behind = end.at(sequence, index);
                table.data().setAtIndex(JAVA_INT, 2 * (sequence * count + index), Math.min(first.at(sequence, index), behind));
                table.data().setAtIndex(JAVA_INT, 2 * (sequence * count + index) + 1, behind);
            }
        }
        return table;
    }

    /// `[batch]`, one number for all sequences.
    static Tensor of(long batch, int number) {
        Tensor table = Compute.current().scratch().allocate(new TensorType(DType.I32, Shape.of(batch)));
        for (int sequence = 0; sequence < batch; sequence++) {
            table.data().setAtIndex(JAVA_INT, sequence, number);
        }
        return table;
    }
}
