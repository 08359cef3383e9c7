package dev.xiaolu.tensor;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.op.Cast;
import dev.xiaolu.op.Op;
import dev.xiaolu.shape.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Where the arithmetic of one step runs: bound once around the step, read by every operator, passed by nobody.
///
/// Binding is per thread and per scope ([ScopedValue]); inside, one thread at a time runs operators.
///
/// @param backend  runs the operators
/// @param scratch  owns the results, which live until it is reset
/// @param recorder told of each operator that ran, if present
public record Compute(Backend backend, Scratch scratch, Optional<Recorder> recorder) {
    private static final ScopedValue<Compute> CURRENT = ScopedValue.newInstance();

    /// Runs `step` on `backend`; what it allocates comes from `scratch` and stays valid until the caller resets it.
    public static <T> T call(Backend backend, Scratch scratch, ScopedValue.CallableOp<T, RuntimeException> step) {
        return ScopedValue.where(CURRENT, new Compute(backend, scratch, Optional.empty())).call(step);
    }

    /// Runs `step` where the current one runs, with every operator told to `recorder`.
    public static <T> T recording(Recorder recorder, ScopedValue.CallableOp<T, RuntimeException> step) {
        Compute now = current();
        return ScopedValue.where(CURRENT, new Compute(now.backend, now.scratch, Optional.of(recorder))).call(step);
    }

    /// Runs `step` where the current one runs, and tells nobody of its operators.
    public static <T> T unrecorded(ScopedValue.CallableOp<T, RuntimeException> step) {
        Compute now = current();
        return ScopedValue.where(CURRENT, new Compute(now.backend, now.scratch, Optional.empty())).call(step);
    }

    /// Does `work`, a part of a step under this name for whoever measures; parts lie in each other.
    public static <T> T within(String part, ScopedValue.CallableOp<T, RuntimeException> work) {
        Backend backend = current().backend;
        backend.enters(part);
        try {
            return work.call();
        } finally {
            backend.leaves();
        }
    }

    /// A copy of a value that no recorder has seen: a constant to whatever is made of it.
    public static Tensor detached(Tensor tensor) {
        return unrecorded(() -> one(new Cast(tensor.dtype()), tensor));
    }

    /// The place bound around the caller; throws [IllegalStateException] where there is none.
    public static Compute current() {
        if (!CURRENT.isBound()) {
            throw new IllegalStateException("arithmetic outside Compute.call");
        }
        return CURRENT.get();
    }

    /// Runs an operator and gives its outputs, newly allocated from the scratch of the step.
    public static Tensor[] run(Op op, Tensor... inputs) {
        Compute now = current();
        TensorType[] types = op.infer(types(inputs)).toArray(TensorType[]::new);
        Tensor[] outputs = new Tensor[types.length];
        for (int i = 0; i < types.length; i++) {
            outputs[i] = now.scratch.allocate(types[i]);
        }
        now.backend.run(op, inputs, outputs);
        now.recorder.ifPresent(recorder -> recorder.ran(op, inputs, outputs));
        return outputs;
    }

    /// Runs an operator with one output and gives it.
    public static Tensor one(Op op, Tensor... inputs) {
        Tensor[] outputs = run(op, inputs);
        check(outputs.length == 1, "%s has %d outputs, wanted one", op.name(), outputs.length);
        return outputs[0];
    }

    /// Runs an operator into outputs that the caller owns: contiguous, of the inferred types, apart from the inputs.
    public static void into(Op op, Tensor[] inputs, Tensor... outputs) {
        List<TensorType> types = op.infer(types(inputs));
        if (!types.equals(types(outputs))) {
            check(false, "%s gives %s, the outputs are %s", op.name(), types, Arrays.toString(outputs));
        }
        for (Tensor output : outputs) {
            check(output.isContiguous(), "%s: output %s is a view with gaps", op.name(), output);
        }
        Compute now = current();
        now.backend.run(op, inputs, outputs);
        now.recorder.ifPresent(recorder -> recorder.ran(op, inputs, outputs));
    }

    /// The tensor itself where it is contiguous, else a copy that is.
    public static Tensor contiguous(Tensor tensor) {
        return tensor.isContiguous() ? tensor : one(new Cast(tensor.dtype()), tensor);
    }

    private static List<TensorType> types(Tensor[] tensors) {
        var types = new TensorType[tensors.length];
        for (int i = 0; i < types.length; i++) {
            types[i] = tensors[i].type();
        }
        return List.of(types);
    }
}
