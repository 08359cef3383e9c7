package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.op.MatMul;
import dev.xiaolu.op.Op;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.List;

/// A matrix `[out, in]` that hidden states are multiplied by, or a stack of such matrices: a parameter in memory, or numbers that lie elsewhere in fewer bits and become F32 anew for each use.
///
/// Both give the same bits. What is stored elsewhere serves inference alone: it has no gradient. Runs on the current [Compute].
public sealed interface Weight {
    /// A weight in memory, F32.
    static Weight held(Tensor value) {
        return new Held(value);
    }

    /// A weight of this shape that `reader` gives a matrix at a time.
    static Weight stored(Shape shape, Reader reader) {
        return new Stored(shape, reader);
    }

    /// Reads one matrix of a stack, or the only one as number 0, into F32 memory of its shape.
    interface Reader {
        void read(long index, Tensor into);
    }

    Shape shape();

    /// The tensor in memory; throws [IllegalArgumentException] where there is none.
    Tensor held();

    boolean isHeld();

    /// One matrix of a stack.
    Weight at(long index);

    /// Runs an operator that takes `x` and this weight, and gives what it gives.
    Tensor run(Op op, Tensor x);

    /// Takes `x [..., in]`, gives `x · weightᵀ [..., out]`.
    default Tensor linear(Tensor x) {
        return run(new MatMul(false, true), x);
    }

    /// In memory.
    record Held(Tensor held) implements Weight {
        @Override public Shape shape() {
            return held.shape();
        }

        @Override public boolean isHeld() {
            return true;
        }

        @Override public Weight at(long index) {
            return new Held(held.at(index));
        }

        @Override public Tensor run(Op op, Tensor x) {
            return Compute.one(op, x, held);
        }
    }

    /// Elsewhere. The F32 form lives in the scratch for one operator.
    record Stored(Shape shape, Reader reader) implements Weight {
        @Override public Tensor held() {
            throw new IllegalArgumentException("a weight " + shape + " that is read anew for each use is not in memory");
        }

        @Override public boolean isHeld() {
            return false;
        }

        @Override public Weight at(long index) {
            check(shape.rank() == 3 && index >= 0 && index < shape.axis(0), "matrix %d of a weight %s", index, shape);
            return new Stored(shape.part(1, 3), (only, into) -> reader.read(index, into));
        }

        @Override public Tensor run(Op op, Tensor x) {
            check(shape.rank() == 2, "a stack %s that is read anew for each use is used matrix by matrix", shape);
            check(Compute.current().recorder().isEmpty(), "a weight %s that is read anew for each use has no gradient", shape);
            Scratch scratch = Compute.current().scratch();
            TensorType type = TensorType.f32(shape);
            Tensor y = scratch.allocate(op.infer(List.of(x.type(), type)).getFirst());
            Scratch.Mark before = scratch.mark();
            Tensor value = scratch.allocate(type);
            reader.read(0, value);
            Compute.into(op, new Tensor[] {x, value}, y);
            scratch.reset(before);
            return y;
        }
    }
}
