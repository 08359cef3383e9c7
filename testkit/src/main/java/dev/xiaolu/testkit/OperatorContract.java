package dev.xiaolu.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import dev.xiaolu.op.Op;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Reference;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/// The ground of the contract suites: runs an operator on the reference and on a backend and compares the bits.
///
/// A suite extends this; a backend extends the suite and says how it is opened. Each comparison runs with 1, 2, 3 and 8 threads.
/// NaN equals NaN, whatever its payload. Inputs are compared too, gaps of views included: operators in place must agree, the others must leave them alone.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class OperatorContract {
    private static final int[] THREADS = {1, 2, 3, 8};
    private static final byte FILL = (byte) 0xA5;
    private static final long GUARD = 64;
    /// Bytes of bookkeeping that a call may allocate: slices and closures, far below one object for each vector.
    private static final long GARBAGE = 8192;

    private final Backend reference = new Reference();
    private final List<Backend> opened = new ArrayList<>();

    /// Opens the backend under test with this many threads.
    protected abstract Backend open(int threads);

    @BeforeAll final void openBackends() {
        for (int threads : THREADS) {
            opened.add(open(threads));
        }
    }

    @AfterAll final void closeBackends() {
        opened.forEach(Backend::close);
        opened.clear();
    }

    /// The backend under test with two threads, for measurements.
    protected final Backend backend() {
        return opened.get(1);
    }

    /// Runs `test` with inputs from this seed and frees them afterwards.
    protected static void withInputs(long seed, Consumer<Inputs> test) {
        try (Arena arena = Arena.ofShared()) {
            test.accept(new Inputs(arena, seed));
        }
    }

    /// Runs `op` everywhere on copies of these tensors and fails on the first bit that differs.
    protected final void assertSameBits(Inputs inputs, Op op, Tensor... tensors) {
        try (Arena arena = Arena.ofShared()) {
            Inputs copies = new Inputs(arena, inputs.seed());
            Tensor[] expectedInputs = copies(copies, tensors);
            Tensor[] expected = run(arena, reference, op, expectedInputs, "reference");
            for (int i = 0; i < opened.size(); i++) {
                String where = "%s with %d threads".formatted(opened.get(i).name(), THREADS[i]);
                Tensor[] foundInputs = copies(copies, tensors);
                Tensor[] found = run(arena, opened.get(i), op, foundInputs, where);
                for (int k = 0; k < expected.length; k++) {
                    compare(op, tensors, "output " + k, expected[k].dtype(), expected[k].data(), found[k].data(), where, inputs.seed());
                }
                for (int k = 0; k < tensors.length; k++) {
                    compare(op, tensors, "input " + k + " (in memory order)", tensors[k].dtype(), expectedInputs[k].data(), foundInputs[k].data(), where, inputs.seed());
                }
            }
        }
    }

    /// Fails unless reference and backend throw [IndexOutOfBoundsException].
    protected final void assertRefused(Inputs inputs, Op op, Tensor... tensors) {
        assertThrows(IndexOutOfBoundsException.class, () -> assertSameBits(inputs, op, tensors));
        try (Arena arena = Arena.ofShared()) {
            assertThrows(IndexOutOfBoundsException.class, () -> runBackend(arena, op, tensors));
        }
    }

    /// Runs `op` once on the reference and gives its outputs; operators in place change `tensors`.
    protected final Tensor[] runReference(Arena arena, Op op, Tensor... tensors) {
        return run(arena, reference, op, tensors, "reference");
    }

    /// Runs `op` once on the backend under test with two threads; operators in place change `tensors`.
    protected final Tensor[] runBackend(Arena arena, Op op, Tensor... tensors) {
        return run(arena, backend(), op, tensors, backend().name());
    }

    /// Bytes that one call allocates on the heap, all threads together, once the compiler has settled; the least of several rounds.
    protected final long bytesPerCall(Op op, Tensor... tensors) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        int calls = 20;
        try (Arena arena = Arena.ofShared()) {
            Tensor[] outputs = outputs(arena, op, tensors);
            long least = Long.MAX_VALUE;
            long deadline = System.nanoTime() + 60_000_000_000L;
            for (int round = 0; least > GARBAGE && System.nanoTime() < deadline || round < 3; round++) {
                long before = threads.getTotalThreadAllocatedBytes();
                for (int call = 0; call < calls; call++) {
                    backend().run(op, tensors, outputs);
                }
                least = Math.min(least, (threads.getTotalThreadAllocatedBytes() - before) / calls);
            }
            return least;
        }
    }

    /// Fails when a call allocates more than a few small objects of bookkeeping, as boxed vectors would make it.
    protected final void assertNoGarbage(Op op, Tensor... tensors) {
        long bytes = bytesPerCall(op, tensors);
        if (bytes > GARBAGE) {
            fail("%s allocates %d bytes a call on %s, wanted at most %d".formatted(describe(op, tensors), bytes, backend().name(), GARBAGE));
        }
    }

    /// A tensor that comes twice is one in the copies too.
    private static Tensor[] copies(Inputs inputs, Tensor[] tensors) {
        var made = new IdentityHashMap<Tensor, Tensor>();
        return Arrays.stream(tensors).map(tensor -> made.computeIfAbsent(tensor, inputs::copy)).toArray(Tensor[]::new);
    }

    private static Tensor[] outputs(Arena arena, Op op, Tensor[] tensors) {
        List<TensorType> types = op.infer(Arrays.stream(tensors).map(Tensor::type).toList());
        return types.stream().map(type -> Tensor.of(type, arena.allocate(type.bytes() + GUARD, 64).fill(FILL).asSlice(0, type.bytes()))).toArray(Tensor[]::new);
    }

    private static Tensor[] run(Arena arena, Backend backend, Op op, Tensor[] tensors, String where) {
        Tensor[] outputs = outputs(arena, op, tensors);
        backend.run(op, tensors, outputs);
        for (Tensor output : outputs) {
            MemorySegment guard = MemorySegment.ofAddress(output.data().address() + output.type().bytes()).reinterpret(GUARD);
            for (long i = 0; i < GUARD; i++) {
                assertEquals(FILL, guard.get(ValueLayout.JAVA_BYTE, i), () -> describe(op, tensors) + " on " + where + " wrote past its output");
            }
        }
        return outputs;
    }

    private static void compare(Op op, Tensor[] tensors, String what, DType dtype, MemorySegment expected, MemorySegment found, String where, long seed) {
        for (long from = expected.mismatch(found); from >= 0; ) {
            long index = from / dtype.bytes();
            long wanted = element(dtype, expected, index);
            long got = element(dtype, found, index);
            if (!isNaN(dtype, wanted) || !isNaN(dtype, got)) {
                fail("%s%n%s on %s differs first at element %d: wanted %s, found %s%nreplay with seed %d".formatted(describe(op, tensors), what, where, index,
                        show(dtype, wanted), show(dtype, got), seed));
            }
            long next = (index + 1) * dtype.bytes();
            long more = expected.asSlice(next).mismatch(found.asSlice(next));
            from = more < 0 ? -1 : next + more;
        }
    }

    private static long element(DType dtype, MemorySegment data, long index) {
        return switch (dtype) {
            case F32, I32 -> data.getAtIndex(ValueLayout.JAVA_INT, index) & 0xFFFFFFFFL;
            case BF16 -> data.getAtIndex(ValueLayout.JAVA_SHORT, index) & 0xFFFFL;
            case I64 -> data.getAtIndex(ValueLayout.JAVA_LONG, index);
            case F8_E4M3, F8_E8M0, I8, BOOL -> data.get(ValueLayout.JAVA_BYTE, index) & 0xFFL;
        };
    }

    private static boolean isNaN(DType dtype, long bits) {
        return dtype == DType.F32 && (bits & 0x7FFFFFFF) > 0x7F800000 || dtype == DType.BF16 && (bits & 0x7FFF) > 0x7F80;
    }

    private static String show(DType dtype, long bits) {
        return switch (dtype) {
            case F32 -> "0x%08X (%s)".formatted(bits, Float.toString(Float.intBitsToFloat((int) bits)));
            case BF16 -> "0x%04X (%s)".formatted(bits, Float.toString(Float.intBitsToFloat((int) bits << 16)));
            case F8_E4M3, F8_E8M0, I64, I32, I8, BOOL -> "0x%X (%d)".formatted(bits, dtype == DType.I32 ? (int) bits : bits);
        };
    }

    private static String describe(Op op, Tensor[] tensors) {
        return op + " of " + Arrays.stream(tensors).map(OperatorContract::layout).collect(Collectors.joining(", "));
    }

    private static String layout(Tensor tensor) {
        return tensor + (tensor.isContiguous() ? "" : " as a view with row stride " + tensor.rowStride());
    }
}
