package dev.xiaolu.cpu;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.tensor.Tensor;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/// Matrix products of unlike sizes in one go, as the experts of a layer are: the team wakes once for all of them.
///
/// Each product is cut by columns into a few units, which are taken by whichever thread is free; a thread packs what its unit needs. How the work is cut never changes a sum.
/// One caller at a time: [#add] as often as wanted, then [#run].
final class ManyProducts implements AutoCloseable {
    /// Units for each thread, at least: the more, the less the last one keeps others waiting.
    private static final int UNITS = 6;

    private final Workers workers;
    private final ProductWorker[] team;
    private final AtomicInteger next = new AtomicInteger();
    private final Workers.Job take = this::take;
    private Product[] products = {};
    private int count;
    private int pieces;

    ManyProducts(Workers workers) {
        this.workers = workers;
        team = new ProductWorker[workers.threads()];
        Arrays.setAll(team, _ -> ProductWorker.create());
    }

    /// Adds one product, without leading axes; its result may be a view whose columns lie side by side.
    void add(MatMul op, Tensor left, Tensor right, Tensor out) {
        if (count == products.length) {
            products = Arrays.copyOf(products, Math.max(8, 2 * count));
        }
        if (products[count] == null) {
            products[count] = new Product();
        }
        products[count].set(op, left, right, out);
        count++;
    }

    /// Computes all that was added.
    void run() {
        pieces = team.length == 1 ? 1 : Math.ceilDiv(UNITS * team.length, Math.max(1, count));
        next.set(0);
        try {
            workers.share(Math.min(team.length, count * pieces), 1, take);
        } finally {
            for (int i = 0; i < count; i++) {
                products[i].clear();
            }
            count = 0;
        }
    }

    private void take(long from, long to) {
        for (int unit = next.getAndIncrement(); unit < count * pieces; unit = next.getAndIncrement()) {
            Product product = products[unit / pieces];
            int start = product.cutColumns(unit % pieces, pieces);
            int end = product.cutColumns(unit % pieces + 1, pieces);
            if (start < end) {
                team[(int) from].alone(product, 0, start, end);
            }
        }
    }

    @Override public void close() {
        for (ProductWorker worker : team) {
            worker.close();
        }
    }
}
