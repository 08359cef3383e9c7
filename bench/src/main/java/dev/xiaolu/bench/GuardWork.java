package dev.xiaolu.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.op.Add;
import dev.xiaolu.op.AdamW;
import dev.xiaolu.op.Attention;
import dev.xiaolu.op.CrossEntropy;
import dev.xiaolu.op.Digest;
import dev.xiaolu.op.Op;
import dev.xiaolu.op.RandomNormal;
import dev.xiaolu.op.RmsNorm;
import dev.xiaolu.op.Softmax;
import dev.xiaolu.op.SwiGlu;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.LongUnaryOperator;

/// One kernel that is guarded.
///
/// @param name   for tables
/// @param op     the operator
/// @param inputs what it reads
/// @param amount floating-point operations, or bytes read and written, of a call
/// @param beside its baseline
/// @param least  the ratio wanted
record GuardWork(String name, Op op, List<Input> inputs, double amount, Beside beside, double least) {
    /// What a kernel is measured beside.
    enum Beside {
        /// Multiply-adds alone.
        PEAK,
        /// A copy through memory.
        COPY,
        /// The reference's kernel.
        REFERENCE
    }

    /// One tensor that is read.
    ///
    /// @param type  I32 or F32
    /// @param value of an element of an I32 by its index; F32 hold normally distributed numbers
    record Input(TensorType type, LongUnaryOperator value) {
        static Input normal(long... sizes) {
            return new Input(TensorType.f32(Shape.of(sizes)), i -> i);
        }

        static Input ints(LongUnaryOperator value, long... sizes) {
            return new Input(new TensorType(DType.I32, Shape.of(sizes)), value);
        }

        /// Runs on the current [Compute].
        Tensor make(Arena arena, int number) {
            Tensor made = Tensor.zeros(arena, type.dtype(), type.shape());
            if (type.dtype() == DType.F32) {
                Compute.run(new RandomNormal(1, number), made);
            } else {
                for (long i = 0; i < type.shape().size(); i++) {
                    made.data().setAtIndex(JAVA_INT, i, (int) value.applyAsLong(i));
                }
            }
            return made;
        }
    }

    private static final int WIDTH = 1024;

    /// Those of the dense models' steps. Usual ratios stand in docs/performance.md; what is wanted is a fifth to a third of the lowest seen.
    ///
    /// @param rows of what goes through memory; 4096 are 16 MiB
    static List<GuardWork> standard(int rows) {
        Input matrix = Input.normal(rows, WIDTH);
        return List.of(product(new GemmShape(1152, 1152, 1152, "nt"), Beside.PEAK, 0.25), product(new GemmShape(192, 192, 192, "nn"), Beside.REFERENCE, 10), attention(512, 6, 64, 0.08),
                inMemory("sum of two", new Add(), 3, 0.25, matrix, matrix), inMemory("RMSNorm", new RmsNorm(1e-6f), 2, 0.15, matrix, Input.normal(WIDTH)),
                inMemory("SwiGLU", new SwiGlu(), 3, 0.1, matrix, matrix), inMemory("softmax", new Softmax(), 2, 0.05, matrix),
                inMemory("cross-entropy", new CrossEntropy(), 1, 0.06, matrix, Input.ints(i -> i % WIDTH, rows)),
                inMemory("AdamW", AdamW.at(3, 1e-3, 0.9, 0.999, 1e-8, 0.1, 1), 7, 0.3, matrix, matrix, matrix, matrix), inMemory("digest", new Digest(0), 1, 0.1, matrix));
    }

    static GuardWork product(GemmShape shape, Beside beside, double least) {
        return new GuardWork("product " + shape, shape.op(), List.of(new Input(TensorType.f32(shape.a()), i -> i), new Input(TensorType.f32(shape.b()), i -> i)), shape.flops(), beside, least);
    }

    /// Two sequences; every query sees the keys from 0 to its own.
    private static GuardWork attention(int positions, int heads, int dim, double least) {
        Input rows = Input.normal(2, positions, heads, dim);
        double visible = positions * (positions + 1.0) / 2;
        return new GuardWork("attention over " + positions, new Attention(0.125f),
                List.of(rows, rows, rows, Input.ints(_ -> 0, 2, positions), Input.ints(i -> i % positions, 2, positions)), 2 * heads * visible * 4 * dim, Beside.PEAK, least);
    }

    /// @param tensors how many tensors as large as the first are read or written
    private static GuardWork inMemory(String name, Op op, int tensors, double least, Input... inputs) {
        return new GuardWork(name, op, List.of(inputs), (double) tensors * inputs[0].type.bytes(), Beside.COPY, least);
    }

    String unit() {
        return beside == Beside.COPY ? "GB/s" : "GFLOP/s";
    }

    Tensor[] outputs(Arena arena) {
        return op.infer(inputs.stream().map(Input::type).toList()).stream().map(type -> Tensor.zeros(arena, type.dtype(), type.shape())).toArray(Tensor[]::new);
    }
}
