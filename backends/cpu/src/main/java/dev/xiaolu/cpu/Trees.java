package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;

import jdk.incubator.vector.FloatVector;

/// The balanced tree by position, many columns at once.
final class Trees {
    private Trees() {}

    /// Adds `count` rows of `width` floats, one after the other from index `at` on; the sum replaces the first row, the others are spoilt.
    static void addLoop(float[] rows, int at, int count, int width) {
        for (int distance = 1; distance < count; distance *= 2) {
            for (int left = 0; left + distance < count; left += 2 * distance) {
                addRow(rows, at + left * width, at + (left + distance) * width, width);
            }
        }
    }

    private static void addRow(float[] rows, int left, int right, int width) {
        int i = 0;
        for (; i <= width - LANES; i += LANES) {
            FloatVector.fromArray(FLOATS, rows, left + i).add(FloatVector.fromArray(FLOATS, rows, right + i)).intoArray(rows, left + i);
        }
        for (; i < width; i++) {
            rows[left + i] += rows[right + i];
        }
    }
}
