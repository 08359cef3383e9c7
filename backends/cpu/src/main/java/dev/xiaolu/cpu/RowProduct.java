package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/// The product of one row with a transposed `b`, as in decoding: nothing is packed, the speed is that of reading `b`. Owned by one thread.
final class RowProduct {
    private final LeafStack leaves = new LeafStack();
    private float[] row = {};

    /// Whether a product is of this kind.
    static boolean fits(Product product) {
        return product.rows == 1 && product.adjacentA && product.adjacentB;
    }

    /// Computes the columns `from` to `to`.
    void run(Product product, long index, int from, int to) {
        if (row.length < product.inner) {
            row = new float[product.inner];
        }
        MemorySegment.copy(product.a, JAVA_FLOAT, product.startA(index), row, 0, product.inner);
        leaves.prepareRow();
        for (int column = from; column < to; column += LANES) {
            int width = Math.min(LANES, to - column);
            leaves.row(product.b, product.startB(index) + column * product.strideB, product.strideB, width - 1, row, product.inner);
            MemorySegment.copy(leaves.tiles(), LeafStack.SUM, product.y, JAVA_FLOAT, product.startY(index) + 4L * column, width);
        }
    }
}
