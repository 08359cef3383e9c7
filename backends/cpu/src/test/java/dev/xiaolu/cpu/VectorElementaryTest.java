package dev.xiaolu.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.xiaolu.op.Digest;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.testkit.ElementaryFunction;
import dev.xiaolu.testkit.ForkedJvm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import jdk.incubator.vector.IntVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The vector functions over all 2^32 arguments against the committed digests, and against the scalar ones: every 61st argument, or all with `-Dxiaolu.exhaustive=true`.
class VectorElementaryTest {
    private static final int CHUNK = 1 << 18;

    @ParameterizedTest @EnumSource
    void allValuesHaveTheCommittedDigest(ElementaryFunction function) {
        assertEquals(function.digest(), digest((x, y) -> apply(function, x, y)));
    }

    /// Those that kernels in machine code use; the waves, for angles of one turn alone, are in [LaneLoopTest].
    @ParameterizedTest @EnumSource(names = {"EXP", "LOG", "SIGMOID", "SOFTPLUS"})
    void expressionsInMachineCodeHaveTheCommittedDigest(ElementaryFunction function) {
        assumeTrue(MachineCode.available());
        var loop = LaneLoop.of(x -> x.store(1, switch (function) {
            case EXP -> LaneElementary.exp(x, x.load(0));
            case LOG -> LaneElementary.log(x, x.load(0));
            case SIGMOID -> LaneElementary.sigmoid(x, x.load(0));
            case SOFTPLUS -> LaneElementary.softplus(x, x.load(0));
            default -> throw new IllegalArgumentException(function + " is no expression");
        }));
        assertEquals(function.digest(), digest((x, y) -> loop.call().place(0, x.address()).place(1, y.address()).run(CHUNK)));
    }

    /// The digest of a function over all 2^32 arguments.
    private static String digest(BiConsumer<MemorySegment, MemorySegment> function) {
        var sum0 = new AtomicLong();
        var sum1 = new AtomicLong();
        try (var workers = new Workers(2)) {
            workers.share((1L << 32) / CHUNK, 1, (from, to) -> {
                try (Arena arena = Arena.ofShared(); var digests = new CpuBackend(1)) {
                    Tensor x = Tensor.zeros(arena, DType.F32, Shape.of(CHUNK));
                    Tensor y = Tensor.zeros(arena, DType.F32, Shape.of(CHUNK));
                    Tensor digest = Tensor.zeros(arena, DType.I64, Shape.of(2));
                    for (long chunk = from; chunk < to; chunk++) {
                        count(x.data(), (int) (chunk * CHUNK), 1);
                        function.accept(x.data(), y.data());
                        digests.run(new Digest(chunk * CHUNK), new Tensor[] {y}, new Tensor[] {digest});
                        sum0.addAndGet(digest.data().getAtIndex(JAVA_LONG, 0));
                        sum1.addAndGet(digest.data().getAtIndex(JAVA_LONG, 1));
                    }
                }
            });
        }
        return ElementaryFunction.hex(sum0.get(), sum1.get());
    }

    @ParameterizedTest @EnumSource
    void vectorsGiveTheBitsOfTheScalarForm(ElementaryFunction function) {
        compare(function, Boolean.getBoolean("xiaolu.exhaustive") ? 1 : 61);
    }

    /// Without a parameter, so that a forked JVM can run it.
    @Test void vectorsGiveTheBitsOfTheScalarFormSparsely() {
        for (ElementaryFunction function : ElementaryFunction.values()) {
            compare(function, 509);
        }
    }

    @ParameterizedTest @ValueSource(ints = {128, 256, 512})
    void theWidthOfVectorsDoesNotMatter(int bits) {
        ForkedJvm.runTests(List.of("-Dxiaolu.cpu.vectorBits=" + bits), VectorElementaryTest.class);
    }

    private static void compare(ElementaryFunction function, int step) {
        try (var workers = new Workers(2)) {
            workers.share((1L << 32) / ((long) CHUNK * step) + 1, 1, (from, to) -> {
                try (Arena arena = Arena.ofShared()) {
                    MemorySegment x = arena.allocate(4L * CHUNK, 64);
                    MemorySegment y = arena.allocate(4L * CHUNK, 64);
                    for (long chunk = from; chunk < to; chunk++) {
                        count(x, (int) (chunk * CHUNK * step), step);
                        apply(function, x, y);
                        for (long i = 0; i < CHUNK; i++) {
                            int wanted = Float.floatToRawIntBits(function.scalar.at(x.getAtIndex(JAVA_FLOAT, i)));
                            int found = y.getAtIndex(JAVA_INT, i);
                            if (wanted != found) {
                                fail("%s(0x%08X): the scalar form gives 0x%08X, the vector form 0x%08X".formatted(function, x.getAtIndex(JAVA_INT, i), wanted, found));
                            }
                        }
                    }
                }
            });
        }
    }

    /// Fills `x` with `first`, `first + step`, ….
    private static void count(MemorySegment x, int first, int step) {
        IntVector next = IntVector.zero(Vectors.INTS).addIndex(step).add(first);
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            next.intoMemorySegment(x, 4 * i, LITTLE_ENDIAN);
            next = next.add(Vectors.LANES * step);
        }
    }

    private static void apply(ElementaryFunction function, MemorySegment x, MemorySegment y) {
        switch (function) {
            case EXP -> exp(x, y);
            case LOG -> log(x, y);
            case TANH -> tanh(x, y);
            case SIGMOID -> sigmoid(x, y);
            case SOFTPLUS -> softplus(x, y);
            case SIN -> sin(x, y);
            case COS -> cos(x, y);
        }
    }

    private static void exp(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.exp(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }

    private static void log(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.log(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }

    private static void tanh(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.tanh(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }

    private static void sigmoid(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.sigmoid(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }

    private static void softplus(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.softplus(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }

    private static void sin(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.sin(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }

    private static void cos(MemorySegment x, MemorySegment y) {
        for (long i = 0; i < CHUNK; i += Vectors.LANES) {
            VectorElementary.cos(Vectors.load(x, 4 * i)).intoMemorySegment(y, 4 * i, LITTLE_ENDIAN);
        }
    }
}
