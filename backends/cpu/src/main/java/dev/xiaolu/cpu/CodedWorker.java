package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.LEAF;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One thread's part of a matrix product in machine code: [TileCode] multiplies, [CodedPacks] packs, this class says where.
///
/// Operands are read where they lie as far as that is as fast: packing moves every element through memory once more, and memory is what the cores share. A `b` whose columns
/// lie in rows of memory must be turned; steps that lie a page or more apart are packed, since each would need an address translation of its own, and so are rows whole pages apart, which
/// would meet in one set of the cache.
/// Rows are cut into tiles of equal heights, up to 14; columns pass in chunks that stay in the second-level cache while the tiles go by. Where rows are packed, a group of tiles is packed once,
/// and the chunks of columns are small enough to stay there beside it.
final class CodedWorker implements ProductWorker {
    /// Bytes of columns that stay near while tiles go by.
    private static final long NEAR = 1536 << 10;
    /// The same beside rows that are packed, a group of tiles at a time.
    private static final long BESIDE = 384 << 10;
    /// The same where few tiles go by, which read the columns from memory rather than multiply: what is packed is overwritten while it is still near.
    private static final long NEARER = 256 << 10;
    /// Rows up to which that is so.
    private static final int FEW = 4 * TileCode.MOST_ROWS;
    /// Bytes of nodes that wait between blocks of the summed axis, at most, before fewer rows are taken at a time.
    private static final long WAITING = 8 << 20;
    /// Tiles whose rows are packed together: long reads.
    private static final int TOGETHER = 8;
    /// Bytes of a page, after which addresses also meet the same set of the first-level cache.
    private static final long PAGE = 4096;
    /// Columns from which on it pays to pack rows.
    private static final int MANY = 4 * Tile.COLUMNS;
    private static final int NEVER = 1 << 20;                    // levels that no product reaches

    private final Arena arena = Arena.ofShared();
    private final MemorySegment tile = arena.allocate(8L * TileCode.WORDS, 64);
    private final MemorySegment nodes = arena.allocate(Integer.SIZE * TileCode.nodeBytes(TileCode.MOST_ROWS), 64);
    private final Buffer waiting = new Buffer();
    private final Buffer rows = new Buffer();
    private final CodedPacks packs = new CodedPacks(arena);
    private final PackedColumns columns = new PackedColumns();
    private final RowProduct row = new RowProduct();
    private final Tiles tiles = new Tiles();

    @Override public void alone(Product product, long index, int fromColumn, int toColumn) {
        if (RowProduct.fits(product)) {
            row.run(product, index, fromColumn, toColumn);
        } else if (packs(product)) {
            int chunk = panelsOf(product.rows <= FEW ? NEARER : NEAR, product.inner) * Tile.COLUMNS;
            for (int column = fromColumn; column < toColumn; column += chunk) {
                int end = Math.min(toColumn, column + chunk);
                columns.prepare(product, column, end);
                pack(product, index, column, end, columns);
                multiply(product, index, product.symmetric ? column : 0, product.rows, column, end, columns);
            }
        } else {
            multiply(product, index, product.symmetric ? fromColumn : 0, product.rows, fromColumn, toColumn, columns);
        }
    }

    @Override public void mirror(Product product, long index, int fromRow, int toRow) {
        long start = product.y.address() + product.startY(index);
        int whole = product.columns & -Vectors.LANES;
        for (int row = fromRow; row < toRow; row += Vectors.LANES) {
            for (int column = row + Vectors.LANES; column < whole; column += Vectors.LANES) {
                PackCode.squares(start + column * product.strideY + 4L * row, product.strideY, Vectors.LANES - 1, 1, start + row * product.strideY + 4L * column, product.strideY);
            }
            for (int column = Math.max(whole, row + Vectors.LANES); column < product.columns; column++) {
                for (int i = row; i < row + Vectors.LANES; i++) {
                    product.y.set(JAVA_FLOAT, product.startY(index) + i * product.strideY + 4L * column, product.y.get(JAVA_FLOAT, product.startY(index) + column * product.strideY + 4L * i));
                }
            }
        }
    }

    /// Panels of so many steps that fit into `bytes`, at least one.
    private static int panelsOf(long bytes, int steps) {
        return (int) Math.max(1, bytes / (TileCode.STEP * steps));
    }

    @Override public boolean packs(Product product) {
        return product.adjacentB || product.strideB >= PAGE && product.rows > TileCode.MOST_ROWS;
    }

    private static boolean packsRows(Product product, int columns) {
        return (product.adjacentA ? product.strideA % PAGE == 0 : product.strideA >= PAGE) && columns >= MANY;
    }

    @Override public void pack(Product product, long index, int fromColumn, int toColumn, PackedColumns into) {
        for (int block = 0; block < product.blocks(); block++) {
            long target = into.memory().address() + into.panel(product, block, fromColumn);
            long start = product.b.address() + product.startB(index);
            if (product.adjacentB) {
                packs.turn(start + fromColumn * product.strideB + 4L * block * product.blockDepth, product.strideB, toColumn - fromColumn, product.depth(block), target, Tile.COLUMNS);
            } else {
                packs.copyColumns(start + (long) block * product.blockDepth * product.strideB + 4L * fromColumn, product.strideB, toColumn - fromColumn, product.depth(block), target);
            }
        }
    }

    @Override public void multiply(Product product, long index, int fromRow, int toRow, int fromColumn, int toColumn, PackedColumns packed) {
        if (fromRow >= toRow || fromColumn >= toColumn) {
            return;
        }
        tiles.cut(fromRow, toRow);
        int together = tiles.count;
        if (product.blocks() > 1) {
            long perTile = waitingPerRow(product, toColumn - fromColumn) * TileCode.MOST_ROWS;
            together = (int) Math.clamp(WAITING / perTile, 1, tiles.count);
            waiting.atLeast(perTile * together);
        }
        for (int first = 0; first < tiles.count; first += together) {
            int after = Math.min(tiles.count, first + together);
            for (int block = 0; block < product.blocks(); block++) {
                block(product, index, block, first, after, fromColumn, toColumn, packed);
            }
        }
    }

    /// Bytes of the nodes of one row that wait between blocks.
    private static long waitingPerRow(Product product, int columns) {
        return LeafStack.levels(product) * TileCode.STEP * Tile.count(columns, Tile.COLUMNS);
    }

    /// The tiles `first` to `after` over one block of the summed axis.
    private void block(Product product, long index, int block, int first, int after, int fromColumn, int toColumn, PackedColumns packed) {
        int depth = product.depth(block);
        boolean packsRows = packsRows(product, toColumn - fromColumn);
        int height = tiles.height(first);
        tile.set(JAVA_LONG, TileCode.DEPTH, depth);
        tile.set(JAVA_LONG, TileCode.FIRST_LEAF, (long) block * product.blockDepth / LEAF);
        tile.set(JAVA_LONG, TileCode.ENDS, block == product.blocks() - 1 ? 1 : 0);
        tile.set(JAVA_LONG, TileCode.SHARED, nodes.address());
        tile.set(JAVA_LONG, TileCode.LEVELS, product.blocks() == 1 ? NEVER : Integer.numberOfTrailingZeros(product.blockDepth / LEAF));
        tile.set(JAVA_LONG, TileCode.A_ROW, packsRows || !product.adjacentA ? 4 : product.strideA);
        tile.set(JAVA_LONG, TileCode.A_STEP, packsRows ? CodedPacks.ROW_STEP : product.adjacentA ? 4 : product.strideA);
        tile.set(JAVA_LONG, TileCode.PANEL, packs(product) ? TileCode.STEP * depth : TileCode.STEP);
        tile.set(JAVA_LONG, TileCode.B_STEP, packs(product) ? TileCode.STEP : product.strideB);
        tile.set(JAVA_LONG, TileCode.Y_ROW, product.strideY);
        int chunk = panelsOf(packsRows ? BESIDE : NEAR, depth) * Tile.COLUMNS;
        int group = packsRows ? TOGETHER : after - first;
        for (int from = first; from < after; from += group) {
            int to = Math.min(after, from + group);
            if (packsRows) {
                packRows(product, index, block, from, to);
            }
            for (int column = fromColumn; column < toColumn; column += chunk) {
                int end = Math.min(toColumn, column + chunk);
                for (int i = from; i < to; i++) {
                    int behind = product.columnsOf(tiles.row(i) + tiles.height(i), end);
                    if (behind <= column) {
                        continue;
                    }
                    long a = packsRows ? rows.atLeast(0).address() + CodedPacks.ROW_STEP * (i - from) * depth : startOfRows(product, index, block, tiles.row(i));
                    place(product, index, block, i, first, fromColumn, toColumn, column, behind);
                    tile.set(JAVA_LONG, TileCode.A, a);
                    tile.set(JAVA_LONG, TileCode.B, packs(product)
                            ? packed.memory().address() + packed.panel(product, block, column)
                            : product.b.address() + product.startB(index) + (long) block * product.blockDepth * product.strideB + 4L * column);
                    MachineCode.call(TileCode.of(tiles.height(i)), tile);
                }
            }
        }
    }

    /// Address of the first step of a block in one row of `op(a)`.
    private static long startOfRows(Product product, long index, int block, int row) {
        long step = (long) block * product.blockDepth;
        return product.a.address() + product.startA(index) + (product.adjacentA ? row * product.strideA + 4 * step : step * product.strideA + 4L * row);
    }

    private void packRows(Product product, long index, int block, int from, int to) {
        int depth = product.depth(block);
        long target = rows.atLeast(CodedPacks.ROW_STEP * TOGETHER * product.blockDepth).address();
        for (int i = from; i < to;) {                            // tiles of one height together: the first ones are a row higher than the others
            int same = product.adjacentA ? 1 : Math.min(to, tiles.height(i) == tiles.height(to - 1) ? to : tiles.tall) - i;
            long start = startOfRows(product, index, block, tiles.row(i));
            if (product.adjacentA) {
                packs.turn(start, product.strideA, tiles.height(i), depth, target, Vectors.LANES);
            } else {
                packs.copyRows(start, product.strideA, tiles.height(i), same, depth, target);
            }
            target += CodedPacks.ROW_STEP * same * depth;
            i += same;
        }
    }

    /// Where the result of one tile goes, over the columns `column` to `end`, and where its nodes wait; `first` begins the tiles whose nodes wait.
    private void place(Product product, long index, int block, int i, int first, int fromColumn, int toColumn, int column, int end) {
        int row = tiles.row(i);
        int panels = Tile.count(end - column, Tile.COLUMNS);
        int last = end - column - (panels - 1) * Tile.COLUMNS;
        tile.set(JAVA_LONG, TileCode.PANELS, panels);
        tile.set(JAVA_LONG, TileCode.LEFT, CodedPacks.left(last));
        tile.set(JAVA_LONG, TileCode.RIGHT, CodedPacks.right(last));
        if (product.blocks() > 1) {
            long own = LeafStack.levels(product) * TileCode.nodeBytes(tiles.height(i));
            tile.set(JAVA_LONG, TileCode.OWN, waiting.atLeast(0).address() + (row - tiles.row(first)) * waitingPerRow(product, toColumn - fromColumn)
                    + (column - fromColumn) / Tile.COLUMNS * own);
            tile.set(JAVA_LONG, TileCode.OWN_STEP, own);
        }
        tile.set(JAVA_LONG, TileCode.Y, product.y.address() + product.startY(index) + row * product.strideY + 4L * column);
    }

    @Override public void close() {
        arena.close();
        waiting.close();
        rows.close();
        columns.close();
    }

    /// Rows cut into tiles as equal as can be: the first `tall` ones are a row higher than the others.
    private static final class Tiles {
        private int start;
        private int count;
        private int low;
        private int tall;

        void cut(int from, int to) {
            start = from;
            count = Tile.count(to - from, TileCode.MOST_ROWS);
            low = (to - from) / count;
            tall = (to - from) % count;
        }

        int row(int tile) {
            return start + tile * low + Math.min(tile, tall);
        }

        int height(int tile) {
            return tile < tall ? low + 1 : low;
        }
    }
}
