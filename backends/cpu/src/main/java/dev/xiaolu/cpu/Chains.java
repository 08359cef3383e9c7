package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.cpu.Vectors.load;
import static dev.xiaolu.cpu.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Sums of a few rows, element by element: one chain down the rows for each column. Positions are bytes from the start of a segment.
final class Chains {
    private Chains() {}

    /// `y_c = fma(weight_i, x_ic, y_c)` for the rows `i` in ascending order, from +0.
    ///
    /// @param rows    where each row starts
    /// @param weights that of row `i` stands at `from + i · step`
    static void fmaLoop(MemorySegment x, long[] rows, int count, float[] weights, int from, int step, MemorySegment y, long atY, long width) {
        long c = 0;
        for (; c <= width - LANES; c += LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < count; i++) {
                sum = FloatVector.broadcast(FLOATS, weights[from + i * step]).fma(load(x, rows[i] + 4 * c), sum);
            }
            store(sum, y, atY + 4 * c);
        }
        for (; c < width; c++) {
            float sum = 0;
            for (int i = 0; i < count; i++) {
                sum = Math.fma(weights[from + i * step], x.get(JAVA_FLOAT, rows[i] + 4 * c), sum);
            }
            y.set(JAVA_FLOAT, atY + 4 * c, sum);
        }
    }

    /// As [#fma], but the chain starts from `first · start_c`.
    static void fmaLoop(float first, MemorySegment start, long atStart, MemorySegment x, long[] rows, int count, float[] weights, int from, int step,
            MemorySegment y, long atY, long width) {
        long c = 0;
        for (; c <= width - LANES; c += LANES) {
            FloatVector sum = load(start, atStart + 4 * c).mul(first);
            for (int i = 0; i < count; i++) {
                sum = FloatVector.broadcast(FLOATS, weights[from + i * step]).fma(load(x, rows[i] + 4 * c), sum);
            }
            store(sum, y, atY + 4 * c);
        }
        for (; c < width; c++) {
            float sum = first * start.get(JAVA_FLOAT, atStart + 4 * c);
            for (int i = 0; i < count; i++) {
                sum = Math.fma(weights[from + i * step], x.get(JAVA_FLOAT, rows[i] + 4 * c), sum);
            }
            y.set(JAVA_FLOAT, atY + 4 * c, sum);
        }
    }

    /// `y_c` = plain additions of the rows in ascending order, from +0.
    static void addLoop(MemorySegment x, long[] rows, int count, MemorySegment y, long atY, long width) {
        long c = 0;
        for (; c <= width - LANES; c += LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < count; i++) {
                sum = sum.add(load(x, rows[i] + 4 * c));
            }
            store(sum, y, atY + 4 * c);
        }
        for (; c < width; c++) {
            float sum = 0;
            for (int i = 0; i < count; i++) {
                sum += x.get(JAVA_FLOAT, rows[i] + 4 * c);
            }
            y.set(JAVA_FLOAT, atY + 4 * c, sum);
        }
    }

    /// `y_c = a · x_c`.
    static void scaleLoop(float a, MemorySegment x, long atX, MemorySegment y, long atY, long width) {
        long c = 0;
        for (; c <= width - LANES; c += LANES) {
            store(load(x, atX + 4 * c).mul(a), y, atY + 4 * c);
        }
        for (; c < width; c++) {
            y.set(JAVA_FLOAT, atY + 4 * c, a * x.get(JAVA_FLOAT, atX + 4 * c));
        }
    }
}
