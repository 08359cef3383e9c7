package dev.xiaolu.cpu;

import static dev.xiaolu.op.Numerics.LEAF;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// A batch of matrix products as memory: where each operand starts and how far apart its neighbours are, in bytes.
///
/// One object is used again for every call, so that a call leaves no garbage.
final class Product {
    /// Leaves of the summed axis that are multiplied in one go, at most: a whole subtree, so that their sum is a node.
    static final int MOST_LEAVES = 8;
    /// The same where there are several blocks: fewer, so that more rows stay near.
    private static final int FEW_LEAVES = 4;
    /// Rows from which on half of a symmetric product is saved.
    private static final int SYMMETRIC = 64;

    MemorySegment a;
    MemorySegment b;
    MemorySegment y;
    /// Products in the batch.
    long batch;
    int rows;
    int columns;
    int inner;
    /// Whether the summed axis is the adjacent one.
    boolean adjacentA;
    boolean adjacentB;
    /// Bytes between neighbours along the axis of `a` or `b` that is not adjacent.
    long strideA;
    long strideB;
    long strideY;
    /// Whether it is a matrix times its own transpose, and worth computing only half of: element `(i, j)` sums the products of element `(j, i)` in the same order, so both have the same bits.
    boolean symmetric;
    /// Rows of one tile.
    int tileRows;
    /// Rows are shared out among threads at multiples of this.
    int rowGrain;
    /// Steps of the summed axis in a block of leaves; the last one may be shorter.
    int blockDepth;
    private Tensor tensorA;
    private Tensor tensorB;
    private int leadingA;
    private int leadingB;

    /// Takes the operands of one call. A `b` that all rows share makes one tall product of the batch where the rows of `a` are evenly spaced.
    void set(MatMul op, Tensor left, Tensor right, Tensor out) {
        tensorA = left;
        tensorB = right;
        a = left.data();
        b = right.data();
        y = out.data();
        adjacentA = !op.transposeA();
        adjacentB = op.transposeB();
        inner = Math.toIntExact(left.shape().axis(adjacentA ? -1 : -2));
        columns = Math.toIntExact(out.shape().last());
        boolean tall = right.shape().rank() == 2 && adjacentA && left.rowStride() >= 0;
        rows = Math.toIntExact(tall ? out.shape().rows() : out.shape().axis(-2));
        batch = rows == 0 || columns == 0 ? 0 : out.shape().rows() / rows;
        strideA = 4 * (tall ? left.rowStride() : left.stride(-2));
        strideB = 4 * right.stride(-2);
        strideY = 4 * out.stride(-2);
        leadingA = tall ? 0 : left.shape().rank() - 2;
        leadingB = right.shape().rank() - 2;
        boolean coded = MachineCode.available();
        symmetric = false;
        tileRows = coded ? TileCode.MOST_ROWS : Tile.rowsFor(rows);
        rowGrain = coded ? 1 : tileRows;                         // tiles of any height cost what they hold
        blockDepth = (inner <= MOST_LEAVES * LEAF ? MOST_LEAVES : FEW_LEAVES) * LEAF;
    }

    /// Lets half of a matrix times its own transpose suffice, where that saves anything; who asks for it calls [ProductWorker#mirror] afterwards.
    void halveIfSymmetric(MatMul op, Tensor left, Tensor right) {
        symmetric = MachineCode.available() && left == right && op.transposeA() != op.transposeB() && rows == columns && rows >= SYMMETRIC;
    }

    /// Lets go of the tensors.
    void clear() {
        a = null;
        b = null;
        y = null;
        tensorA = null;
        tensorB = null;
    }

    /// Blocks of leaves along the summed axis.
    int blocks() {
        return (inner + blockDepth - 1) / blockDepth;
    }

    /// Steps of the summed axis in one block.
    int depth(int block) {
        return Math.min(blockDepth, inner - block * blockDepth);
    }

    /// First column of part `part` of `parts`, a multiple of [Tile#COLUMNS] unless it is the end. Of a symmetric product the first columns have the most rows.
    int cutColumns(int part, int parts) {
        if (symmetric && part < parts) {
            return (int) Math.min(columns, Math.round(columns * (1 - Math.sqrt(1 - (double) part / parts)) / Tile.COLUMNS) * Tile.COLUMNS);
        }
        return (int) Math.min(columns, (long) Tile.count(columns, Tile.COLUMNS) * part / parts * Tile.COLUMNS);
    }

    /// The column behind the last that is computed for the rows in front of `row`, of those in front of `to`.
    int columnsOf(int row, int to) {
        return symmetric ? Math.min(to, Tile.count(row, Tile.COLUMNS) * Tile.COLUMNS) : to;
    }

    long startA(long product) {
        return start(tensorA, leadingA, product);
    }

    long startB(long product) {
        return start(tensorB, leadingB, product);
    }

    long startY(long product) {
        return product * rows * strideY;
    }

    /// Byte offset of one matrix of a batch counted in row-major order over the leading axes.
    private static long start(Tensor tensor, int leading, long product) {
        long offset = 0;
        for (int axis = leading - 1; axis >= 0; axis--) {
            long size = tensor.shape().axis(axis);
            offset += product % size * tensor.stride(axis);
            product /= size;
        }
        return 4 * offset;
    }
}
