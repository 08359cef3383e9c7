package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// The part of a result that one run of the micro-kernel holds in registers: up to [#ROWS] rows by [#COLUMNS] columns, row-major in an array.
///
/// Columns are two vectors wide; the rows are as many as the machine has registers for.
final class Tile {
    /// Twelve where there are 32 vector registers, six where there are 16.
    static final int ROWS = Vectors.BITS == 512 || System.getProperty("os.arch").equals("aarch64") ? 12 : 6;
    static final int COLUMNS = 2 * LANES;
    static final int SIZE = ROWS * COLUMNS;

    private Tile() {}

    /// Rows of the tiles that serve a product of `rows` rows best; a few rows do not pay for many.
    static int rowsFor(int rows) {
        if (rows <= 2) {
            return 1;
        }
        return rows <= 4 || rows <= 8 && ROWS == 12 ? 4 : ROWS;
    }

    /// How many pieces of this size cover `length`.
    static int count(int length, int size) {
        return (length + size - 1) / size;
    }

    /// Adds one tile in place: `right = left + right`, the left child being at `from` of `nodes`.
    static void addLoop(float[] nodes, int from, float[] right, int at) {
        for (int i = 0; i < SIZE; i += LANES) {
            FloatVector.fromArray(FLOATS, nodes, from + i).add(FloatVector.fromArray(FLOATS, right, at + i)).intoArray(right, at + i);
        }
    }

    /// Copies the `rows` × `columns` that exist to `y`, from byte `into` on, with `stride` bytes between rows.
    static void storeLoop(float[] tile, int from, int rows, int columns, MemorySegment y, long into, long stride) {
        if (columns == COLUMNS) {
            for (int row = 0; row < rows; row++) {
                int at = from + row * COLUMNS;
                long to = into + row * stride;
                FloatVector.fromArray(FLOATS, tile, at).intoMemorySegment(y, to, LITTLE_ENDIAN);
                FloatVector.fromArray(FLOATS, tile, at + LANES).intoMemorySegment(y, to + 4L * LANES, LITTLE_ENDIAN);
            }
        } else {
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    y.set(JAVA_FLOAT, into + row * stride + 4L * column, tile[from + row * COLUMNS + column]);
                }
            }
        }
    }
}
