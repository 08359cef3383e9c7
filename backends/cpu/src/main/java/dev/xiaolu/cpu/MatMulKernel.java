package dev.xiaolu.cpu;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Tensor;

/// Shares out matrix products: whole products to each thread while there are enough of them, then each remaining one by rows and columns.
///
/// A product cut only by columns needs no waiting: each thread packs what it needs, which is also the way of few rows (decoding). Cut by rows, the threads
/// pack the columns together, wait for each other, and multiply. How the work is cut never changes a sum.
final class MatMulKernel implements Kernel<MatMul>, AutoCloseable {
    /// What packing a tile's rows costs, in products of that tile with a panel, times 12.
    private static final long PACKING = 5;
    /// What a panel costs each thread when the team packs it together, in the same unit: the wait, and that half of it or more lies in another core's cache.
    private static final long SHARING = 3;

    private final Workers workers;
    private final ProductWorker[] team;
    private final PackedColumns shared = new PackedColumns();
    private final Product product = new Product();
    private final Workers.Job wholeProducts = this::wholeProducts;
    private final Workers.Job columnParts = this::columnParts;
    private final Workers.Job mirrorPart = this::mirrorPart;
    private final Workers.Job packPart = this::packPart;
    private final Workers.Job multiplyPart = this::multiplyPart;
    private int parts;
    private int rowParts;
    // What the team works on: set before each job, read by all.
    private long index;
    private int fromColumn;
    private int toColumn;

    MatMulKernel(Workers workers) {
        this.workers = workers;
        team = new ProductWorker[workers.threads()];
        for (int i = 0; i < team.length; i++) {
            team[i] = ProductWorker.create();
        }
    }

    @Override public void run(MatMul op, Tensor[] in, Tensor[] out) {
        product.set(op, in[0], in[1], out[0]);
        product.halveIfSymmetric(op, in[0], in[1]);
        if (product.inner == 0) {
            out[0].data().asSlice(0, out[0].type().bytes()).fill((byte) 0);
        } else if (product.batch > 0) {
            parts = team.length;
            long shareable = product.batch / parts * parts;
            if (shareable > 0) {
                workers.share(parts, 1, wholeProducts);
            }
            for (index = shareable; index < product.batch; index++) {
                together();
            }
        }
        product.clear();
    }

    private void wholeProducts(long from, long to) {
        for (long part = from; part < to; part++) {
            long each = product.batch / parts;
            for (long i = part * each; i < (part + 1) * each; i++) {
                team[(int) part].alone(product, i, 0, product.columns);
                if (product.symmetric) {
                    team[(int) part].mirror(product, i, 0, product.rows);
                }
            }
        }
    }

    /// One product by the whole team.
    private void together() {
        rowParts = product.symmetric ? 1 : rowParts();
        if (rowParts == 1) {
            workers.share(parts, 1, columnParts);
            if (product.symmetric) {
                workers.share(parts, 1, mirrorPart);
            }
            return;
        }
        if (!team[0].packs(product)) {
            fromColumn = 0;
            toColumn = product.columns;
            workers.share(parts, 1, multiplyPart);
            return;
        }
        int chunk = MatMulWorker.columnsAtOnce(product);
        for (fromColumn = 0; fromColumn < product.columns; fromColumn += chunk) {
            toColumn = Math.min(product.columns, fromColumn + chunk);
            shared.prepare(product, fromColumn, toColumn);
            workers.share(parts, 1, packPart);
            workers.share(parts, 1, multiplyPart);
        }
    }

    /// Into how many parts the rows are cut, the columns being cut into the rest: the way that gives the slowest thread the least to do.
    private int rowParts() {
        long tiles = (product.rows + product.tileRows - 1L) / product.tileRows;
        long panels = (product.columns + Tile.COLUMNS - 1L) / Tile.COLUMNS;
        int best = 1;
        long least = Long.MAX_VALUE;
        for (int by = 1; by <= parts; by++) {
            if (parts % by == 0) {
                long each = (panels + parts / by - 1) / (parts / by);
                long cost = (tiles + by - 1) / by * (12 * each + PACKING) + (by > 1 ? SHARING * each : 0);
                if (cost < least) {
                    least = cost;
                    best = by;
                }
            }
        }
        return best;
    }

    private void columnParts(long from, long to) {
        for (long part = from; part < to; part++) {
            team[(int) part].alone(product, index, product.cutColumns((int) part, parts), product.cutColumns((int) part + 1, parts));
        }
    }

    private void mirrorPart(long from, long to) {
        for (long part = from; part < to; part++) {              // the first rows have the most columns behind the diagonal, as the first columns have rows
            team[(int) part].mirror(product, index, product.cutColumns((int) part, parts), product.cutColumns((int) part + 1, parts));
        }
    }

    private void packPart(long from, long to) {
        for (long part = from; part < to; part++) {
            int start = cut(toColumn - fromColumn, Tile.COLUMNS, part, parts);
            int end = cut(toColumn - fromColumn, Tile.COLUMNS, part + 1, parts);
            if (start < end) {
                team[(int) part].pack(product, index, fromColumn + start, fromColumn + end, shared);
            }
        }
    }

    private void multiplyPart(long from, long to) {
        int columnParts = parts / rowParts;
        for (long part = from; part < to; part++) {
            long byRow = part / columnParts;
            long byColumn = part % columnParts;
            team[(int) part].multiply(product, index,
                    cut(product.rows, product.rowGrain, byRow, rowParts), cut(product.rows, product.rowGrain, byRow + 1, rowParts),
                    fromColumn + cut(toColumn - fromColumn, Tile.COLUMNS, byColumn, columnParts),
                    fromColumn + cut(toColumn - fromColumn, Tile.COLUMNS, byColumn + 1, columnParts), shared);
        }
    }

    /// Where part `part` of `parts` begins when `count` is cut at multiples of `grain`.
    private static int cut(int count, int grain, long part, int parts) {
        long grains = (count + grain - 1L) / grain;
        return (int) Math.min(count, grains * part / parts * grain);
    }

    @Override public void close() {
        for (ProductWorker worker : team) {
            worker.close();
        }
        shared.close();
    }
}
