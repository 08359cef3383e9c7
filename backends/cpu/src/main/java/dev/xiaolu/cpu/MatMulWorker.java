package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/// What one thread does for a matrix product, with memory of its own that grows on demand and is kept.
///
/// Rows of `a` are packed so that they stay in the second-level cache; panels of `b` pass by; a tile takes all leaves of a block at once.
final class MatMulWorker implements AutoCloseable {
    /// Floats of `b` that are packed at a time: many, so that rows are seldom packed again.
    private static final int COLUMN_ROOM = 4 << 20;
    /// Floats of `b` that are packed at a time by a thread whose rows stay packed: few, so that they are still near when they are used.
    private static final int NEAR_ROOM = 64 << 10;

    private final PackedRows rows = new PackedRows();
    private final PackedColumns columns = new PackedColumns();
    private final LeafStack leaves = new LeafStack();
    private float[] one = {};
    private float touched;                                       // keeps the reads of touch() alive

    /// Columns that are packed at a time.
    static int columnsAtOnce(Product product) {
        return columnsAtOnce(product, COLUMN_ROOM);
    }

    private static int columnsAtOnce(Product product, int room) {
        return Math.max(1, room / product.inner / Tile.COLUMNS) * Tile.COLUMNS;
    }

    /// Computes some columns of a product of one row with a transposed `b`: nothing is packed, the speed is that of reading `b`.
    private void row(Product product, long index, int fromColumn, int toColumn) {
        if (one.length < product.inner) {
            one = new float[product.inner];
        }
        MemorySegment.copy(product.a, JAVA_FLOAT, product.startA(index), one, 0, product.inner);
        leaves.prepareRow();
        for (int column = fromColumn; column < toColumn; column += LANES) {
            int width = Math.min(LANES, toColumn - column);
            leaves.row(product.b, product.startB(index) + column * product.strideB, product.strideB, width - 1, one, product.inner);
            MemorySegment.copy(leaves.tiles(), LeafStack.SUM, product.y, JAVA_FLOAT, product.startY(index) + 4L * column, width);
        }
    }

    /// Computes some columns of one product alone.
    void alone(Product product, long index, int fromColumn, int toColumn) {
        if (product.rows == 1 && product.adjacentA && product.adjacentB) {
            row(product, index, fromColumn, toColumn);
            return;
        }
        boolean kept = PackedRows.fits(product, product.rows);
        if (kept) {
            rows.packWhole(product, index, 0, product.rows);
        }
        int chunk = columnsAtOnce(product, kept ? NEAR_ROOM : COLUMN_ROOM);
        for (int column = fromColumn; column < toColumn; column += chunk) {
            int end = Math.min(toColumn, column + chunk);
            columns.prepare(product, column, end);
            columns.pack(product, index, column, end);
            if (kept) {
                tiles(product, index, 0, product.rows, column, end, columns, true);
            } else {
                multiply(product, index, 0, product.rows, column, end, columns);
            }
        }
    }

    /// Computes some rows and columns of one product; the columns are packed, the rows are packed here.
    void multiply(Product product, long index, int fromRow, int toRow, int fromColumn, int toColumn, PackedColumns packed) {
        int chunk = PackedRows.atOnce(product);
        for (int row = fromRow; row < toRow; row += chunk) {
            tiles(product, index, row, Math.min(toRow, row + chunk), fromColumn, toColumn, packed, false);
        }
    }

    private void tiles(Product product, long index, int fromRow, int toRow, int fromColumn, int toColumn, PackedColumns packed, boolean kept) {
        int tileRows = product.tileRows;
        int tileCount = Tile.count(toRow - fromRow, tileRows);
        leaves.prepare(product, tileCount * Tile.count(toColumn - fromColumn, Tile.COLUMNS));
        for (int block = 0; block < product.blocks(); block++) {
            if (!kept) {
                rows.pack(product, index, block, fromRow, toRow);
            }
            for (int column = fromColumn; column < toColumn; column += Tile.COLUMNS) {
                if (!kept) {
                    touched += packed.touch(product, block, column);
                }
                long panel = packed.panel(product, block, column);
                int tile = (column - fromColumn) / Tile.COLUMNS * tileCount;
                for (int row = fromRow; row < toRow; row += tileRows) {
                    leaves.leaves(tileRows, rows.data(), rows.at(product, block, row), rows.leafStep(), packed.memory(), panel, product.depth(block));
                    if (leaves.settle(product, block, tile++)) {
                        Tile.store(leaves.tiles(), LeafStack.SUM, Math.min(tileRows, toRow - row), Math.min(Tile.COLUMNS, toColumn - column), product.y,
                                product.startY(index) + row * product.strideY + 4L * column, product.strideY);
                    }
                }
            }
        }
    }

    @Override public void close() {
        rows.close();
        columns.close();
    }
}
