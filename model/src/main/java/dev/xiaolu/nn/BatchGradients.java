package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.xiaolu.autograd.Tape;
import dev.xiaolu.op.Cast;
import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Recycling;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;

/// The loss of one batch and the gradient of every parameter, for comparison with other programs.
public final class BatchGradients {
    private BatchGradients() {}

    /// Mean next-token cross-entropy of equally long sequences, as one leaf of work: tensor `loss` (a scalar) and each parameter's gradient under its name, all F32 in `arena`.
    /// A parameter that the loss does not depend on has a gradient of zeros. Runs on the current [Compute].
    public static Map<String, Tensor> of(LanguageModel model, int[][] sequences, Arena arena) {
        checkInput(sequences.length > 0 && sequences[0].length > 1, "batch: wanted at least one sequence of at least two tokens");
        int length = sequences[0].length - 1;
        for (int row = 0; row < sequences.length; row++) {
            checkInput(sequences[row].length == length + 1, "batch: sequence %d has %d tokens, wanted %d like the first", row, sequences[row].length, length + 1);
            for (int i = 0; i <= length; i++) {
                checkInput(sequences[row][i] >= 0 && sequences[row][i] < model.vocabSize(), "batch: token %d at position %d of sequence %d is out of range, wanted 0 to %d",
                        sequences[row][i], i, row, model.vocabSize() - 1);
            }
        }
        try (Recycling _ = Compute.current().scratch().recycle()) {
            return pass(model, sequences, length, arena);
        }
    }

    private static Map<String, Tensor> pass(LanguageModel model, int[][] sequences, int length, Arena arena) {
        Scratch scratch = Compute.current().scratch();
        var tape = new Tape(model.parameters().all(), 1);
        Batch batch = Batch.of(scratch, sequences, new int[sequences.length][length], length);
        Tensor loss = Compute.recording(tape, () -> Losses.perLeaf(model.forward(batch), Batch.targets(scratch, sequences, length), 1));
        var gradients = new LinkedHashMap<String, Tensor>();
        Tensor scalar = Tensor.zeros(arena, DType.F32, Shape.of());
        scalar.data().set(JAVA_FLOAT, 0, loss.getFloat(0));
        gradients.put("loss", scalar);
        model.parameters().all().forEach(parameter -> gradients.put(parameter.name(), Tensor.zeros(arena, DType.F32, parameter.shape())));
        Tensor seed = scratch.allocate(new TensorType(DType.F32, Shape.of(1)));
        seed.setFloat(1, 0);
        tape.backward(loss, seed, (parameter, sums) -> Compute.into(new Cast(DType.F32), new Tensor[] {sums.at(0)}, gradients.get(parameter.name())));
        return gradients;
    }
}
