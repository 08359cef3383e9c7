package dev.xiaolu.cpu;

import java.lang.foreign.MemorySegment;

/// Some columns of `b` over the whole summed axis, packed block after block: `[block, panel, step, COLUMNS]`.
///
/// Owned by one thread, or by the team: then one thread calls [#prepare] and each packs its part.
final class PackedColumns implements AutoCloseable {
    private final Buffer buffer = new Buffer();
    private MemorySegment memory = MemorySegment.NULL;
    private int first;
    private int panels;

    /// Makes room for the columns `from` to `to`.
    void prepare(Product product, int from, int to) {
        first = from;
        panels = Tile.count(to - from, Tile.COLUMNS);
        memory = buffer.atLeast(panels * Panels.STEP * product.inner);
    }

    /// Packs the columns `from`, the first of a panel, to `to`.
    void pack(Product product, long index, int from, int to) {
        for (int block = 0; block < product.blocks(); block++) {
            Panels.columns(product, product.startB(index), block * product.blockDepth, product.depth(block), from, to - from, memory, panel(product, block, from));
        }
    }

    MemorySegment memory() {
        return memory;
    }

    /// Byte offset of one block of the panel that starts with this column.
    long panel(Product product, int block, int column) {
        return ((long) block * product.blockDepth * panels + (long) (column - first) / Tile.COLUMNS * product.depth(block)) * Panels.STEP;
    }

    /// Reads one block of a panel once, so that it is near when the micro-kernel asks for it.
    float touch(Product product, int block, int column) {
        return Panels.touch(memory, panel(product, block, column), Panels.STEP * product.depth(block));
    }

    @Override public void close() {
        buffer.close();
        memory = MemorySegment.NULL;
    }
}
