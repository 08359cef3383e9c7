package dev.xiaolu.cpu;

import dev.xiaolu.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.function.Supplier;

/// Cuts work that goes element by element into runs of row-major indices in which the elements of every tensor lie side by side.
///
/// Contiguous tensors make one run for each thread; views are walked row by row.
final class Spans {
    /// Elements below which a second thread is not worth waking.
    private static final long GRAIN = 4096;

    /// No factors.
    static final float[] NONE = {};

    private Spans() {}

    /// Work on a run of elements, with what a thread has for all its runs.
    @FunctionalInterface
    interface Walk<C> {
        void run(C own, long from, long to);
    }

    /// Shares the elements of these tensors, all of one shape, among the team.
    static void share(Workers workers, Workers.Job run, Tensor... tensors) {
        share(workers, () -> null, (_, from, to) -> run.run(from, to), tensors);
    }

    /// The same; what `own` makes is made once for each thread.
    static <C> void share(Workers workers, Supplier<C> own, Walk<C> run, Tensor... tensors) {
        long size = tensors[0].shape().size();
        boolean contiguous = true;
        for (Tensor tensor : tensors) {
            contiguous &= tensor.isContiguous();
        }
        if (contiguous) {
            workers.share(size, GRAIN, (from, to) -> run.run(own.get(), from, to));
        } else if (size > 0) {
            long last = tensors[0].shape().last();
            workers.share(size / last, Math.max(1, GRAIN / last), (from, to) -> {
                C mine = own.get();
                for (long row = from; row < to; row++) {
                    run.run(mine, row * last, (row + 1) * last);
                }
            });
        }
        Reference.reachabilityFence(tensors);
    }

    /// Runs a loop of machine code over the elements of these tensors, all of one shape.
    static void run(Workers workers, LaneLoop loop, float[] factors, Tensor... tensors) {
        share(workers, () -> loop.call().factors(factors), (call, from, to) -> {
            for (int i = 0; i < tensors.length; i++) {
                call.place(i, address(tensors[i], from));
            }
            call.run(to - from);
        }, tensors);
    }

    /// Runs a loop of machine code over rows of so many elements. From one row to the next, each tensor goes on by so many elements, row-major, of which 0 are none.
    static void rows(Workers workers, long grain, LaneLoop loop, float[] factors, long rows, long count, long[] elements, Tensor... tensors) {
        workers.share(rows, grain, (from, to) -> {
            LaneCall call = loop.call().factors(factors);
            boolean even = true;
            for (int i = 0; i < tensors.length; i++) {
                even &= tensors[i].isContiguous() || elements[i] == 0;
                call.stride(i, elements[i] * tensors[i].dtype().bytes());
            }
            for (long row = from; row < to; row += even ? to - from : 1) {
                for (int i = 0; i < tensors.length; i++) {
                    call.place(i, address(tensors[i], row * elements[i]));
                }
                call.rows(even ? to - from : 1, count);
            }
        });
        Reference.reachabilityFence(tensors);
    }

    /// Where the element of this row-major index lies.
    static long address(Tensor tensor, long index) {
        return tensor.data().address() + tensor.dtype().bytes() * tensor.offsetOf(index);
    }
}
