package dev.xiaolu.tensor;

import static dev.xiaolu.op.Numerics.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/// Elements of tensors by their row-major index, and the two sums of products in which the definitions of whole families are written.
final class Elements {
    private Elements() {}

    static float at(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_FLOAT, tensor.offsetOf(index));
    }

    static void set(Tensor tensor, long index, float value) {
        tensor.data().setAtIndex(JAVA_FLOAT, tensor.offsetOf(index), value);
    }

    static int intAt(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_INT, tensor.offsetOf(index));
    }

    static void setInt(Tensor tensor, long index, int value) {
        tensor.data().setAtIndex(JAVA_INT, tensor.offsetOf(index), value);
    }

    static long longAt(Tensor tensor, long index) {
        return tensor.data().getAtIndex(JAVA_LONG, tensor.offsetOf(index));
    }

    static void setLong(Tensor tensor, long index, long value) {
        tensor.data().setAtIndex(JAVA_LONG, tensor.offsetOf(index), value);
    }

    /// One row, all axes but the last flattened.
    static float[] row(Tensor tensor, long row) {
        return part(tensor, row * tensor.shape().last(), (int) tensor.shape().last());
    }

    static void setRow(Tensor tensor, long row, float[] values) {
        for (int i = 0; i < values.length; i++) {
            set(tensor, row * values.length + i, values[i]);
        }
    }

    /// So many elements from a row-major index on.
    static float[] part(Tensor tensor, long from, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = at(tensor, from + i);
        }
        return values;
    }

    /// A row sum of `fma(a, b, ·)` in 32 lanes.
    static float rowSum(float[] a, float[] b) {
        float[] lanes = new float[LANES];
        for (int i = 0; i < a.length; i++) {
            lanes[i % LANES] = Math.fma(a[i], b[i], lanes[i % LANES]);
        }
        return Sums.halve(lanes);
    }

    /// The dot product of [dev.xiaolu.op.MatMul].
    static float dot(float[] a, float[] b) {
        float[] leaves = new float[(a.length + LEAF - 1) / LEAF];
        for (int i = 0; i < a.length; i++) {
            leaves[i / LEAF] = Math.fma(a[i], b[i], leaves[i / LEAF]);
        }
        return Sums.tree(leaves, leaves.length);
    }
}
