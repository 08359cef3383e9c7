package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Tensor;

/// Cuts work that goes element by element into runs of row-major indices in which the elements of every tensor lie side by side.
///
/// Contiguous tensors make one run for each thread; views are walked row by row.
final class Spans {
    /// Elements below which a second thread is not worth waking.
    private static final long GRAIN = 4096;

    private Spans() {}

    /// Shares the elements of these tensors, all of one shape, among the team.
    static void share(Workers workers, Workers.Job run, Tensor... tensors) {
        long size = tensors[0].shape().size();
        boolean contiguous = true;
        for (Tensor tensor : tensors) {
            contiguous &= tensor.isContiguous();
        }
        if (contiguous) {
            workers.share(size, GRAIN, run);
        } else if (size > 0) {
            long last = tensors[0].shape().last();
            workers.share(size / last, Math.max(1, GRAIN / last), (from, to) -> {
                for (long row = from; row < to; row++) {
                    run.run(row * last, (row + 1) * last);
                }
            });
        }
    }
}
