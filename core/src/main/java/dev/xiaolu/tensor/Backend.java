package dev.xiaolu.tensor;

import dev.xiaolu.op.Op;
import dev.xiaolu.platform.Clock;
import java.util.OptionalDouble;
import java.util.ServiceLoader;

/// A place where operators run: a set of kernels, each giving the bits of the reference.
///
/// Found at run time through [ServiceLoader] by [Backends]. One thread at a time calls [#run]; the backend may use threads of its own inside.
public interface Backend extends AutoCloseable {
    /// Short name, as in `xiaolu ops`: `reference`, `cpu`, `opencl`, `cuda`.
    String name();

    /// One line on what this backend runs on, for example `AVX-512, 2 threads`.
    String describe();

    /// Whether this backend has a kernel of its own for operators of this class; without one the reference runs.
    boolean supports(Class<? extends Op> op);

    /// Runs one operator whose shapes have been checked. Outputs are contiguous and do not overlap inputs; inputs may be views.
    /// Their former contents are unspecified. Operators that change inputs in place have no outputs.
    void run(Op op, Tensor[] inputs, Tensor[] outputs);

    /// A part of a step begins, by name; parts lie in each other. For backends that measure.
    default void enters(String part) {}

    /// The part that began last has ended.
    default void leaves() {}

    /// Says that the program has only just begun. Until the JIT compiler has come to rest, the backend may leave processors to it; no bit depends on that.
    default void settle(Clock clock) {}

    /// Measures, in some tenths of a second, the most F32 operations a second that the device reaches, a multiply-add counted as two; empty where nobody knows how.
    default OptionalDouble measurePeak() {
        return OptionalDouble.empty();
    }

    /// Measures, in some tenths of a second, the bytes a second that the device reads and writes in a copy; empty where nobody knows how.
    default OptionalDouble measureBandwidth() {
        return OptionalDouble.empty();
    }

    /// Frees threads and device memory. Nothing may run afterwards.
    @Override void close();
}
