package dev.xiaolu.cpu;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.op.Op;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Kernel;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;

/// Runs operators on this machine's cores: one kernel for each class of operator, the reference for the others.
///
/// A kernel sees inputs as they are, views included; outputs are contiguous.
final class CpuBackend implements Backend {
    private final Workers workers;
    private final Reference reference = new Reference();
    private final Map<Class<? extends Op>, Kernel<? extends Op>> kernels = new HashMap<>();

    /// Opens the backend with so many threads, or one for each processor where `threads` is 0.
    CpuBackend(int threads) {
        checkInput(threads >= 0 && threads <= 1024, "cpu.threads is %d, wanted 0 (one for each processor) to 1024", threads);
        workers = new Workers(threads == 0 ? Runtime.getRuntime().availableProcessors() : threads);
    }

    private <O extends Op> void add(Class<O> op, Kernel<O> kernel) {
        kernels.put(op, kernel);
    }

    @Override public String name() {
        return "cpu";
    }

    @Override public String describe() {
        return "%d-bit vectors, %d thread%s".formatted(Vectors.BITS, workers.threads(), workers.threads() == 1 ? "" : "s");
    }

    @Override public boolean supports(Class<? extends Op> op) {
        return kernels.containsKey(op);
    }

    @Override public void run(Op op, Tensor[] inputs, Tensor[] outputs) {
        @SuppressWarnings("unchecked")                           // add() ties the class to the kernel's type
        var kernel = (Kernel<Op>) kernels.get(op.getClass());
        if (kernel == null) {
            reference.run(op, inputs, outputs);
        } else {
            kernel.run(op, inputs, outputs);
        }
    }

    @Override public void close() {
        workers.close();
    }
}
