package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.LEAF;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// What one thread does for a matrix product, with memory of its own that grows on demand and is kept.
///
/// A block of rows of `a` is packed so that it stays in the second-level cache; panels of `b` pass by. A tile takes up to [Product#BLOCK_LEAVES] leaves
/// at once. Nodes that wait for a right sibling lie one for each level, as the bits of a binary counter: bit `v` of the leaves done says that a node
/// of `2^v` leaves waits. The last leaf takes all that wait, smallest first, and that is the tree.
final class MatMulWorker implements AutoCloseable {
    /// Floats of `a` that are packed at a time.
    private static final int ROW_BLOCK = 96 << 10;
    /// Floats of `b` that are packed at a time: many, so that rows are seldom packed again.
    static final int COLUMN_BLOCK = 2 << 20;
    /// Floats of `b` that are packed at a time by a thread whose rows stay packed: few, so that they are still in a near cache when they are used.
    private static final int NEAR_BLOCK = 64 << 10;
    /// Rows and columns of the nodes that wait between blocks of leaves.
    private static final int WAITING_ROWS = 1020;
    private static final int WAITING_COLUMNS = 1024;
    /// Where the sum of a block of leaves goes, behind the levels inside a block.
    private static final int SUM = 2 * Tile.SIZE;

    private final float[] tiles = new float[3 * Tile.SIZE];
    private float[] rows = {};
    private float[] waiting = {};
    private Buffer staging = new Buffer();
    private Buffer columns = new Buffer();

    /// Rows in one pass of a thread: all, unless nodes have to wait for each tile.
    static int rowsAtOnce(Product product) {
        return product.blocks() <= 1 ? Integer.MAX_VALUE : WAITING_ROWS;
    }

    /// Columns in one pass, given how many floats of `b` may be packed.
    static int columnsAtOnce(Product product, int floats) {
        int most = Math.max(1, floats / Math.max(1, Math.min(product.inner, Product.DEPTH)) / Tile.COLUMNS) * Tile.COLUMNS;
        return product.blocks() <= 1 ? most : Math.min(most, WAITING_COLUMNS);
    }

    /// Computes a part of one product alone.
    void alone(Product product, long index, int fromRow, int toRow, int fromColumn, int toColumn) {
        for (long row = fromRow; row < toRow; row += rowsAtOnce(product)) {
            int endRow = (int) Math.min(toRow, row + rowsAtOnce(product));
            boolean keep = fits(product, endRow - (int) row);
            if (keep) {
                packAll(product, index, (int) row, endRow);
            }
            int chunk = columnsAtOnce(product, keep ? NEAR_BLOCK : COLUMN_BLOCK);
            for (int column = fromColumn; column < toColumn; column += chunk) {
                int endColumn = Math.min(toColumn, column + chunk);
                for (int block = 0; block < product.blocks(); block++) {
                    int depth = product.depth(block);
                    MemorySegment packed = columns.atLeast(columnBytes(endColumn - column, depth));
                    Panels.columns(product, product.startB(index), block * Product.DEPTH, depth, column, endColumn - column, packed, 0);
                    multiply(product, index, block, (int) row, endRow, column, endColumn, packed, 0, keep);
                }
            }
        }
    }

    /// Bytes of so many columns, packed.
    static long columnBytes(int columns, int depth) {
        return (columns + Tile.COLUMNS - 1L) / Tile.COLUMNS * Panels.STEP * depth;
    }

    /// One block of leaves of some rows and columns; `packed` holds the panels of these columns from byte `fromPacked` on.
    void multiply(Product product, long index, int block, int fromRow, int toRow, int fromColumn, int toColumn, MemorySegment packed, long fromPacked, boolean kept) {
        int depth = product.depth(block);
        int tileRows = product.tileRows;
        int chunk = kept ? toRow - fromRow : Math.max(1, ROW_BLOCK / Panels.rowPanel(tileRows, depth)) * tileRows;
        if (product.blocks() > 1) {
            int count = tilesOf(toRow - fromRow, tileRows) * tilesOf(toColumn - fromColumn, Tile.COLUMNS);
            growWaiting(Math.multiplyExact(levels(product), count * tileRows * Tile.COLUMNS));
        }
        for (int row = fromRow; row < toRow; row += chunk) {
            int endRow = Math.min(toRow, row + chunk);
            int start = kept ? startOfBlock(product, block, toRow - fromRow) : 0;
            if (!kept) {
                growRows(tilesOf(endRow - row, tileRows) * Panels.rowPanel(tileRows, depth));
                Panels.rows(product, product.startA(index), row, endRow - row, block * Product.DEPTH, depth, rows, 0, staging(tileRows));
            }
            for (int column = fromColumn; column < toColumn; column += Tile.COLUMNS) {
                long panel = fromPacked + (column - fromColumn) / Tile.COLUMNS * Panels.STEP * depth;
                for (int tile = row; tile < endRow; tile += tileRows) {
                    leaves(tileRows, start + (tile - row) / tileRows * Panels.rowPanel(tileRows, depth), packed, panel, depth);
                    int width = Math.min(Tile.COLUMNS, toColumn - column);
                    if (settle(product, block, (column - fromColumn) / Tile.COLUMNS * tilesOf(toRow - fromRow, tileRows) + (tile - fromRow) / tileRows)) {
                        Tile.store(tiles, SUM, Math.min(tileRows, endRow - tile), width, product.y,
                                product.startY(index) + tile * product.strideY + 4L * column, product.strideY);
                    }
                }
            }
        }
    }

    /// The leaves of one tile in one block; their node is left at [#SUM].
    private void leaves(int tileRows, int fromA, MemorySegment packed, long fromB, int depth) {
        int last = (depth - 1) / LEAF;
        for (int leaf = 0; leaf < last; leaf++) {
            int merge = leaf & ~(leaf + 1);                      // the full levels below the first free one
            MicroKernel.leaf(tileRows, rows, fromA + leaf * LEAF * tileRows, packed, fromB + leaf * LEAF * Panels.STEP, LEAF, tiles, merge,
                    Integer.bitCount(merge) * Tile.SIZE);
        }
        MicroKernel.leaf(tileRows, rows, fromA + last * LEAF * tileRows, packed, fromB + last * LEAF * Panels.STEP, depth - last * LEAF, tiles, last, SUM);
    }

    /// Adds the node at [#SUM] to those that wait for it, or lets it wait; whether it is the root.
    private boolean settle(Product product, int block, int tile) {
        int last = product.blocks() - 1;
        if (last == 0) {
            return true;
        }
        int size = product.tileRows * Tile.COLUMNS;
        int merge = block == last ? block : block & ~(block + 1);
        int at = tile * levels(product) * size;
        for (int level = 0; merge >>> level != 0; level++) {
            if ((merge >>> level & 1) != 0) {
                Tile.add(waiting, at + level * size, tiles, SUM, size);
            }
        }
        if (block < last) {
            System.arraycopy(tiles, SUM, waiting, at + Integer.bitCount(merge) * size, size);
        }
        return block == last;
    }

    /// Levels at which nodes wait between blocks of leaves.
    private static int levels(Product product) {
        return 32 - Integer.numberOfLeadingZeros(product.blocks() - 1);
    }

    private static int tilesOf(int count, int size) {
        return (count + size - 1) / size;
    }

    /// Whether all of the summed axis of so many rows fits in one packing.
    private static boolean fits(Product product, int rows) {
        return (long) tilesOf(rows, product.tileRows) * product.tileRows * product.inner <= ROW_BLOCK;
    }

    private void packAll(Product product, long index, int fromRow, int toRow) {
        growRows(startOfBlock(product, product.blocks(), toRow - fromRow));
        for (int block = 0; block < product.blocks(); block++) {
            Panels.rows(product, product.startA(index), fromRow, toRow - fromRow, block * Product.DEPTH, product.depth(block), rows,
                    startOfBlock(product, block, toRow - fromRow), staging(product.tileRows));
        }
    }

    private static int startOfBlock(Product product, int block, int rows) {
        return block * tilesOf(rows, product.tileRows) * Panels.rowPanel(product.tileRows, Product.DEPTH);
    }

    private MemorySegment staging(int tileRows) {
        return staging.atLeast(4L * Panels.rowPanel(tileRows, Product.DEPTH));
    }

    private void growRows(int floats) {
        if (rows.length < floats) {
            rows = new float[floats];
        }
    }

    private void growWaiting(int floats) {
        if (waiting.length < floats) {
            waiting = new float[floats];
        }
    }

    @Override public void close() {
        staging.close();
        columns.close();
    }

    /// Off-heap memory that only grows, aligned to 64 bytes.
    static final class Buffer implements AutoCloseable {
        private Arena arena;
        private MemorySegment memory = MemorySegment.NULL;

        MemorySegment atLeast(long bytes) {
            if (memory.byteSize() < bytes) {
                close();
                arena = Arena.ofShared();
                memory = arena.allocate(bytes, 64);
            }
            return memory;
        }

        @Override public void close() {
            if (arena != null) {
                arena.close();
                arena = null;
                memory = MemorySegment.NULL;
            }
        }
    }
}
