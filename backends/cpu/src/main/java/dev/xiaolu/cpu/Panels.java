package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Tile.COLUMNS;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Brings operands into the order in which the micro-kernel reads them: panels, each `[depth, width]` with the summed axis outermost.
///
/// What lies behind the last row or column of an operand is filled with anything: those elements of a tile are never stored.
final class Panels {
    /// Bytes of one step of a panel of columns.
    static final long STEP = 4L * COLUMNS;
    private static final int GROUP = 8;

    private Panels() {}

    /// Floats between the panels of rows of one block: the last vector of a panel may be written past its end.
    static int rowPanel(int tileRows, int depth) {
        return depth * tileRows + LANES;
    }

    /// Packs `b[fromStep.., fromColumn..]`, `columns` wide, into panels one behind the other.
    ///
    /// @param start  byte offset of the matrix in `b`
    /// @param into   byte offset of the first panel
    static void columns(Product product, long start, int fromStep, int depth, int fromColumn, int columns, MemorySegment to, long into) {
        if (product.adjacentB) {
            long at = start + 4L * fromStep;
            for (int column = 0; column < columns; column += LANES) {
                transpose(product.b, at + (fromColumn + column) * product.strideB, product.strideB, Math.min(LANES, columns - column), depth,
                        to, into + column / COLUMNS * STEP * depth + column % COLUMNS * 4L, STEP);
            }
            return;
        }
        long at = start + fromStep * product.strideB + 4L * fromColumn;
        for (int column = 0; column < columns; column += GROUP * COLUMNS) { // a few panels at a time: long reads, few places to write
            copyColumns(product.b, at + 4L * column, product.strideB, depth, Math.min(GROUP * COLUMNS, columns - column), to, into + 4L * column * depth);
        }
    }

    private static void copyColumns(MemorySegment from, long at, long stride, int depth, int width, MemorySegment to, long into) {
        long panel = STEP * depth;
        int inside = stepsInside(from, at, stride, (width + COLUMNS - 1) / COLUMNS * STEP, depth);
        for (int step = 0; step < inside; step++) {
            long read = at + step * stride;
            long write = into + step * STEP;
            for (int column = 0; column < width; column += COLUMNS) {
                FloatVector.fromMemorySegment(FLOATS, from, read, LITTLE_ENDIAN).intoMemorySegment(to, write, LITTLE_ENDIAN);
                FloatVector.fromMemorySegment(FLOATS, from, read + 4L * LANES, LITTLE_ENDIAN).intoMemorySegment(to, write + 4L * LANES, LITTLE_ENDIAN);
                read += STEP;
                write += panel;
            }
        }
        for (int step = inside; step < depth; step++) {
            for (int column = 0; column < width; column++) {
                to.set(JAVA_FLOAT, into + column / COLUMNS * panel + step * STEP + column % COLUMNS * 4L, from.get(JAVA_FLOAT, at + step * stride + 4L * column));
            }
        }
    }

    /// Packs `op(a)[fromRow.., fromStep..]`, `rows` high, into panels [#rowPanel] apart.
    ///
    /// @param start   byte offset of the matrix in `a`
    /// @param staging memory for one panel
    static void rows(Product product, long start, int fromRow, int rows, int fromStep, int depth, float[] to, int into, MemorySegment staging) {
        int tileRows = product.tileRows;
        int panel = rowPanel(tileRows, depth);
        if (product.adjacentA) {
            for (int row = 0; row < rows; row += tileRows, into += panel) {
                long at = start + (fromRow + row) * product.strideA + 4L * fromStep;
                int height = Math.min(tileRows, rows - row);
                if (tileRows == 1) {
                    MemorySegment.copy(product.a, JAVA_FLOAT, at, to, into, depth);
                    continue;
                }
                for (int from = (height - 1) / LANES * LANES; from >= 0; from -= LANES) { // downwards: what one writes too far, the next overwrites
                    transpose(product.a, at + from * product.strideA, product.strideA, Math.min(LANES, height - from), depth, staging, 4L * from, 4L * tileRows);
                }
                MemorySegment.copy(staging, JAVA_FLOAT, 0, to, into, depth * tileRows);
            }
            return;
        }
        copyRows(product.a, start + fromStep * product.strideA + 4L * fromRow, product.strideA, depth, rows, tileRows, to, into);
    }

    private static void copyRows(MemorySegment from, long at, long stride, int depth, int rows, int tileRows, float[] to, int into) {
        int panel = rowPanel(tileRows, depth);
        int inside = stepsInside(from, at, stride, 4L * (rows + tileRows + LANES), depth);
        for (int step = 0; step < inside; step++) {
            long read = at + step * stride;
            int write = into + step * tileRows;
            for (int row = 0; row < rows; row += tileRows, write += panel) {
                for (int part = 0; part < tileRows; part += LANES) {
                    FloatVector.fromMemorySegment(FLOATS, from, read + 4L * (row + part), LITTLE_ENDIAN).intoArray(to, write + part);
                }
            }
        }
        for (int step = inside; step < depth; step++) {
            for (int row = 0; row < rows; row++) {
                to[into + row / tileRows * panel + step * tileRows + row % tileRows] = from.get(JAVA_FLOAT, at + step * stride + 4L * row);
            }
        }
    }

    /// How many steps, the first at byte `at`, may read `bytes` without leaving the segment.
    private static int stepsInside(MemorySegment from, long at, long stride, long bytes, int depth) {
        long room = from.byteSize() - at - bytes;
        return room < 0 ? 0 : stride == 0 ? depth : (int) Math.min(depth, room / stride + 1);
    }

    /// Transposes `height` (at most `LANES`) rows of `depth` floats to columns `step` bytes apart.
    private static void transpose(MemorySegment from, long at, long stride, int height, int depth, MemorySegment to, long into, long step) {
        int k = 0;
        for (; k <= depth - LANES; k += LANES) {
            Transpose.square(from, at + 4L * k, stride, height - 1, to, into + k * step, step);
        }
        for (; k < depth; k++) {
            for (int row = 0; row < height; row++) {
                to.set(JAVA_FLOAT, into + k * step + 4L * row, from.get(JAVA_FLOAT, at + row * stride + 4L * k));
            }
        }
    }
}
