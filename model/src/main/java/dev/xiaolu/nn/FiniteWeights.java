package dev.xiaolu.nn;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/// Refuses weights that are not finite: with a single one a model gives NaN for every text, far from the cause.
public final class FiniteWeights {
    private static final int BLOCK = 1 << 14;
    private static final int MAGNITUDE = 0x7FFF_FFFF;
    private static final int ONE_EXPONENT = 0x0080_0000;

    private FiniteWeights() {}

    /// Looks through numbers that were read from the tensor `name` in `file`: F32, contiguous.
    ///
    /// @param matrix  which of a stack of matrices they are, or −1 where they are not one of a stack
    /// @param fromRow the row of the tensor, or of that matrix, that they begin with
    public static void check(Path file, String name, long matrix, long fromRow, Tensor read) {
        long size = read.shape().size();
        for (long from = 0; from < size; from += BLOCK) {
            int count = (int) Math.min(BLOCK, size - from);
            if (!isFinite(read.data().asSlice(4 * from, 4L * count), count)) {
                refuse(file, name, matrix, fromRow, read, from);
            }
        }
    }

    /// One more than the largest exponent of a finite number carries into the sign, so that a block is looked at without a branch.
    private static boolean isFinite(MemorySegment block, int count) {
        int seen = 0;
        for (int i = 0; i < count; i++) {
            seen |= (block.getAtIndex(JAVA_INT, i) & MAGNITUDE) + ONE_EXPONENT;
        }
        return seen >= 0;
    }

    private static void refuse(Path file, String name, long matrix, long fromRow, Tensor read, long from) {
        long at = from;
        while (Float.isFinite(value(read, at))) {
            at++;
        }
        var index = new StringBuilder();
        long rest = at;
        for (int axis = read.shape().rank() - 1; axis >= 0; axis--) {
            long size = read.shape().axis(axis);
            index.insert(0, (axis == 0 ? "" : ", ") + (rest % size + (axis == 0 ? fromRow : 0)));
            rest /= size;
        }
        throw InputException.of("%s: tensor %s: element [%s%s] is %s, wanted finite weights; the file is damaged or was written by a training that diverged, fetch it again or take an older one",
                file, name, matrix < 0 ? "" : matrix + ", ", index, value(read, at));
    }

    private static float value(Tensor read, long at) {
        return Float.intBitsToFloat(read.data().getAtIndex(JAVA_INT, at));
    }
}
