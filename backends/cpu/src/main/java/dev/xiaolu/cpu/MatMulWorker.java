package dev.xiaolu.cpu;

/// One thread's part of a matrix product on the Vector API, with memory of its own that grows on demand and is kept.
///
/// Rows of `a` are packed so that they stay in the second-level cache; panels of `b` pass by; a tile takes all leaves of a block at once.
final class MatMulWorker implements ProductWorker {
    /// Floats of `b` that are packed at a time: many, so that rows are seldom packed again.
    private static final int COLUMN_ROOM = 4 << 20;
    /// Floats of `b` that are packed at a time by a thread whose rows stay packed: few, so that they are still near when they are used.
    private static final int NEAR_ROOM = 64 << 10;

    private final PackedRows rows = new PackedRows();
    private final PackedColumns columns = new PackedColumns();
    private final LeafStack leaves = new LeafStack();
    private final RowProduct one = new RowProduct();
    private float touched;                                       // keeps the reads of touch() alive

    /// Columns that are packed at a time.
    static int columnsAtOnce(Product product) {
        return columnsAtOnce(product, COLUMN_ROOM);
    }

    private static int columnsAtOnce(Product product, int room) {
        return Math.max(1, room / product.inner / Tile.COLUMNS) * Tile.COLUMNS;
    }

    @Override public void alone(Product product, long index, int fromColumn, int toColumn) {
        if (RowProduct.fits(product)) {
            one.run(product, index, fromColumn, toColumn);
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

    @Override public void pack(Product product, long index, int fromColumn, int toColumn, PackedColumns into) {
        into.pack(product, index, fromColumn, toColumn);
    }

    @Override public void multiply(Product product, long index, int fromRow, int toRow, int fromColumn, int toColumn, PackedColumns packed) {
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
                        Tile.storeLoop(leaves.tiles(), LeafStack.SUM, Math.min(tileRows, toRow - row), Math.min(Tile.COLUMNS, toColumn - column), product.y,
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
