package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Packs operands by [PackCode]. Places are addresses, strides are bytes. Owned by one thread; its words live in the arena given.
final class CodedPacks {
    /// Bytes of one step of a tile's packed rows: a cache line.
    static final long ROW_STEP = 64;
    /// Panels that are packed together: long reads, few places to write.
    private static final int GROUP = 8;

    private final MemorySegment words;

    CodedPacks(Arena arena) {
        words = arena.allocate(8L * PackCode.WORDS, 64);
    }

    /// Turns `count` rows of `depth` floats into panels of so many columns, 16 or 32.
    void turn(long start, long stride, int count, int depth, long target, int panelWidth) {
        long step = 4L * panelWidth;
        words.set(JAVA_LONG, PackCode.INTO_STEP, step);
        words.set(JAVA_LONG, PackCode.DEPTH, depth);
        for (int column = 0; column < count; column += Vectors.LANES) {
            for (int i = 0; i < Vectors.LANES; i++) {            // behind the last row, the last one again: those sums are never stored
                words.set(JAVA_LONG, PackCode.ROWS + 8L * i, start + Math.min(column + i, count - 1) * stride);
            }
            words.set(JAVA_LONG, PackCode.INTO, target + column / panelWidth * step * depth + column % panelWidth * 4L);
            MachineCode.call(PackCode.TURN, words);
        }
    }

    /// Copies `width` columns of `depth` steps into panels of 32.
    void copyColumns(long start, long stride, int width, int depth, long target) {
        long panel = TileCode.STEP * depth;
        for (int column = 0; column < width; column += GROUP * Tile.COLUMNS) {
            int columns = Math.min(GROUP * Tile.COLUMNS, width - column);
            copy(start + 4L * column, stride, target + column / Tile.COLUMNS * panel, TileCode.STEP, depth, columns, Tile.COLUMNS, panel);
        }
    }

    /// Copies `tiles` tiles of `height` rows, at most 16, of `depth` steps.
    void copyRows(long start, long stride, int height, int tiles, int depth, long target) {
        copy(start, stride, target, ROW_STEP, depth, tiles * height, height, ROW_STEP * depth);
    }

    private void copy(long from, long stride, long to, long step, int depth, int width, int panelWidth, long panel) {
        int panels = Tile.count(width, panelWidth);
        int last = width - (panels - 1) * panelWidth;
        words.set(JAVA_LONG, PackCode.FROM, from);
        words.set(JAVA_LONG, PackCode.FROM_STEP, stride);
        words.set(JAVA_LONG, PackCode.TO, to);
        words.set(JAVA_LONG, PackCode.TO_STEP, step);
        words.set(JAVA_LONG, PackCode.STEPS, depth);
        words.set(JAVA_LONG, PackCode.PANELS, panels);
        words.set(JAVA_LONG, PackCode.FROM_PANEL, 4L * panelWidth);
        words.set(JAVA_LONG, PackCode.TO_PANEL, panel);
        words.set(JAVA_LONG, PackCode.LEFT, left(panelWidth));
        words.set(JAVA_LONG, PackCode.RIGHT, right(panelWidth));
        words.set(JAVA_LONG, PackCode.LAST_LEFT, left(last));
        words.set(JAVA_LONG, PackCode.LAST_RIGHT, right(last));
        MachineCode.call(panelWidth <= Vectors.LANES ? PackCode.COPY_ONE : PackCode.COPY_TWO, words);
    }

    /// Lanes of the first vector that `width` floats fill, as bits.
    static long left(int width) {
        return (1L << Math.min(width, Vectors.LANES)) - 1;
    }

    /// Lanes of the second one.
    static long right(int width) {
        return (1L << Math.max(0, width - Vectors.LANES)) - 1;
    }
}
