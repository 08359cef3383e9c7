package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Tile.COLUMNS;
import static dev.xiaolu.cpu.Vectors.FLOATS;
import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Brings operands into the order in which the micro-kernel reads them, so that every address in it is one register and a constant.
///
/// Columns lie in panels, each `[depth, COLUMNS]`; rows lie `[leaf, row, ROW]`. What lies behind the last row or column of an operand is anything:
/// those elements of a tile are never stored.
final class Panels {
    /// Bytes of one step of a panel of columns.
    static final long STEP = 4L * COLUMNS;
    /// Floats between packed rows: a leaf and a cache line, so that the rows of a tile fall into different cache sets.
    static final int ROW = LEAF + 16;
    private static final int GROUP = 8;

    private Panels() {}

    /// Floats of so many rows, packed.
    static int rowFloats(int rows, int depth) {
        return Math.multiplyExact((depth + LEAF - 1) / LEAF * ROW, rows);
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
            copyLoop(product.b, at + 4L * column, product.strideB, depth, Math.min(GROUP * COLUMNS, columns - column), to, into + 4L * column * depth);
        }
    }

    private static void copyLoop(MemorySegment from, long at, long stride, int depth, int width, MemorySegment to, long into) {
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

    /// Packs `op(a)[fromRow.., fromStep..]`, `rows` high.
    ///
    /// @param start   byte offset of the matrix in `a`
    /// @param padded  rows between leaves: `rows` or more
    /// @param staging memory for one leaf of so many rows and a vector of rows more; only of a transposed `a`
    static void rows(Product product, long start, int fromRow, int rows, int padded, int fromStep, int depth, float[] to, int into, MemorySegment staging) {
        for (int step = 0; step < depth; step += LEAF, into += padded * ROW) {
            int length = Math.min(LEAF, depth - step);
            if (product.adjacentA) {
                long at = start + fromRow * product.strideA + 4L * (fromStep + step);
                for (int row = 0; row < rows; row++) {
                    MemorySegment.copy(product.a, JAVA_FLOAT, at + row * product.strideA, to, into + row * ROW, length);
                }
            } else {
                transposeRows(product.a, start + (fromStep + step) * product.strideA + 4L * fromRow, product.strideA, rows, length, staging);
                MemorySegment.copy(staging, JAVA_FLOAT, 0, to, into, rows * ROW);
            }
        }
    }

    /// Transposes `length` steps of `rows` floats to rows of one leaf: along the memory of a few steps at a time.
    private static void transposeRows(MemorySegment from, long at, long stride, int rows, int length, MemorySegment to) {
        int inside = stepsInside(from, at, stride, 4L * (rows + LANES), length) / LANES * LANES;
        for (int step = 0; step < inside; step += LANES) {
            Transpose.squares(from, at + step * stride, stride, LANES - 1, (rows + LANES - 1) / LANES, to, 4L * step, 4L * ROW);
        }
        for (int step = inside; step < length; step++) {
            for (int row = 0; row < rows; row++) {
                to.set(JAVA_FLOAT, 4L * (row * ROW + step), from.get(JAVA_FLOAT, at + step * stride + 4L * row));
            }
        }
    }

    /// Reads a panel once, in order: a stream comes from a far cache much faster than the micro-kernel would ask for it, and Java has no prefetch.
    static float touch(MemorySegment packed, long from, long bytes) {
        float a = 0;
        float b = 0;
        for (long at = from; at < from + bytes; at += 128) {     // two cache lines; a step of a panel is 128 bytes or a part of that
            a += packed.get(JAVA_FLOAT, at);
            b += packed.get(JAVA_FLOAT, Math.min(at + 64, from + bytes - 4));
        }
        return a + b;
    }

    /// How many steps, the first at byte `at`, may read `bytes` without leaving the segment.
    private static int stepsInside(MemorySegment from, long at, long stride, long bytes, int depth) {
        long room = from.byteSize() - at - bytes;
        return room < 0 ? 0 : stride == 0 ? depth : (int) Math.min(depth, room / stride + 1);
    }

    /// Transposes `height` (at most `LANES`) rows of `depth` floats to columns `step` bytes apart.
    private static void transpose(MemorySegment from, long at, long stride, int height, int depth, MemorySegment to, long into, long step) {
        Transpose.squares(from, at, stride, height - 1, depth / LANES, to, into, step);
        for (int k = depth / LANES * LANES; k < depth; k++) {
            for (int row = 0; row < height; row++) {
                to.set(JAVA_FLOAT, into + k * step + 4L * row, from.get(JAVA_FLOAT, at + row * stride + 4L * k));
            }
        }
    }
}
