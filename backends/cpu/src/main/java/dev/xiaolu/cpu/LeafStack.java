package dev.xiaolu.cpu;

import static dev.xiaolu.cpu.Vectors.LANES;
import static dev.xiaolu.op.Numerics.LEAF;

import java.lang.foreign.MemorySegment;

/// Sums the leaves of tiles in the balanced tree. Nodes that wait for a right sibling lie one for each level, as the bits of a binary counter: bit `v` of
/// the leaves done says that a node of `2^v` leaves waits. The last leaf takes all that wait, the smallest first, and that is the tree.
///
/// Inside a block of leaves the nodes wait beside the tile in work, between blocks in a place for each tile. Owned by one thread.
final class LeafStack {
    /// Where the sum of a block goes, behind the levels inside it.
    static final int SUM = Integer.numberOfTrailingZeros(Product.MOST_LEAVES) * Tile.SIZE;

    private final float[] tiles = new float[SUM + Tile.SIZE];
    private float[] waiting = {};

    /// The tile in work; its sum is at [#SUM].
    float[] tiles() {
        return tiles;
    }

    /// Makes room for [#row].
    void prepareRow() {
        if (waiting.length < Integer.SIZE * LANES) {
            waiting = new float[Integer.SIZE * LANES];
        }
    }

    /// Makes room for the nodes of so many tiles to wait between blocks.
    void prepare(Product product, int count) {
        int floats = Math.multiplyExact(levels(product) * Tile.SIZE, count);
        if (waiting.length < floats) {
            waiting = new float[floats];
        }
    }

    /// Sums the leaves of one tile in one block; their node is left at [#SUM].
    void leaves(int tileRows, float[] rows, int fromA, int stepA, MemorySegment columns, long fromB, int depth) {
        int last = (depth - 1) / LEAF;
        for (int leaf = 0; leaf < last; leaf++) {
            int merge = leaf & ~(leaf + 1);                      // the full levels below the first free one
            MicroKernel.leaf(tileRows, rows, fromA + leaf * stepA, columns, fromB + leaf * LEAF * Panels.STEP, LEAF, tiles, merge,
                    Integer.bitCount(merge) * Tile.SIZE);
        }
        MicroKernel.leaf(tileRows, rows, fromA + last * stepA, columns, fromB + last * LEAF * Panels.STEP, depth - last * LEAF, tiles, last, SUM);
    }

    /// Sums all leaves of one row of `a` with `LANES` rows of `b`; the sums are left at [#SUM].
    void row(MemorySegment b, long start, long stride, int last, float[] a, int inner) {
        int end = (inner - 1) / LEAF;
        for (int leaf = 0; leaf <= end; leaf++) {
            RowKernel.leaf(b, start + 4L * LEAF * leaf, stride, last, Math.min(LEAF, inner - leaf * LEAF), a, leaf * LEAF, tiles, SUM);
            int merge = leaf == end ? leaf : leaf & ~(leaf + 1);
            for (int level = 0; merge >>> level != 0; level++) {
                if ((merge >>> level & 1) != 0) {
                    for (int lane = 0; lane < LANES; lane++) {
                        tiles[SUM + lane] = waiting[level * LANES + lane] + tiles[SUM + lane];
                    }
                }
            }
            if (leaf < end) {
                System.arraycopy(tiles, SUM, waiting, Integer.bitCount(merge) * LANES, LANES);
            }
        }
    }

    /// Adds the node at [#SUM] to those that wait for it, or lets it wait; whether it is the root.
    boolean settle(Product product, int block, int tile) {
        int last = product.blocks() - 1;
        if (last == 0) {
            return true;
        }
        int merge = block == last ? block : block & ~(block + 1);
        int at = tile * levels(product) * Tile.SIZE;
        for (int level = 0; merge >>> level != 0; level++) {
            if ((merge >>> level & 1) != 0) {
                Tile.addLoop(waiting, at + level * Tile.SIZE, tiles, SUM);
            }
        }
        if (block < last) {
            System.arraycopy(tiles, SUM, waiting, at + Integer.bitCount(merge) * Tile.SIZE, Tile.SIZE);
        }
        return block == last;
    }

    /// Levels at which nodes wait between blocks.
    static int levels(Product product) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(product.blocks() - 1);
    }
}
