package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.check;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.xiaolu.shape.DType;
import dev.xiaolu.shape.Shape;
import dev.xiaolu.shape.TensorType;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// What a model is given: tokens, where they stand, and what each may see.
///
/// @param tokens    I32 `[batch, seq]`, token ids
/// @param positions I32 `[batch, seq]`, positions for the rotation
/// @param first     I32 `[batch, seq]`, index of the first key that each position sees: 0, or where its document starts
/// @param last      I32 `[batch, seq]`, index of the last key that each position sees: its own
public record Batch(Tensor tokens, Tensor positions, Tensor first, Tensor last) {
    public Batch {
        for (Tensor tensor : new Tensor[] {tokens, positions, first, last}) {
            check(tensor.dtype() == DType.I32 && tensor.shape().rank() == 2 && tensor.shape().equals(tokens.shape()),
                    "batch: found %s, wanted I32 [batch, seq] like the tokens %s", tensor, tokens);
        }
    }

    /// Number of sequences.
    public long sequences() {
        return tokens.shape().axis(0);
    }

    /// Tokens of one sequence.
    public long length() {
        return tokens.shape().axis(1);
    }

    /// Tokens of one sequence that continue a context of `past` tokens, each seeing every key up to its own; the index tensors come from `scratch`.
    public static Batch continuing(Scratch scratch, int[] tokens, int past) {
        var type = new TensorType(DType.I32, Shape.of(1, tokens.length));
        var batch = new Batch(scratch.allocate(type), scratch.allocate(type), scratch.allocate(type), scratch.allocate(type));
        for (int i = 0; i < tokens.length; i++) {
            batch.tokens.data().setAtIndex(JAVA_INT, i, tokens[i]);
            batch.positions.data().setAtIndex(JAVA_INT, i, past + i);
            batch.first.data().setAtIndex(JAVA_INT, i, 0);
            batch.last.data().setAtIndex(JAVA_INT, i, past + i);
        }
        return batch;
    }

    /// A batch of whole sequences of one length, `tokens[sequence][position]`; `first[sequence][position]` is the first position that each sees.
    public static Batch of(Scratch scratch, int[][] tokens, int[][] first, int length) {
        var type = new TensorType(DType.I32, Shape.of(tokens.length, length));
        var batch = new Batch(scratch.allocate(type), scratch.allocate(type), scratch.allocate(type), scratch.allocate(type));
        for (int row = 0; row < tokens.length; row++) {
            for (int i = 0; i < length; i++) {
                long index = (long) row * length + i;
                batch.tokens.data().setAtIndex(JAVA_INT, index, tokens[row][i]);
                batch.positions.data().setAtIndex(JAVA_INT, index, i);
                batch.first.data().setAtIndex(JAVA_INT, index, first[row][i]);
                batch.last.data().setAtIndex(JAVA_INT, index, i);
            }
        }
        return batch;
    }

    /// The tokens that follow those of a batch, as targets I32 `[batch, seq]`: `tokens[sequence][position + 1]`.
    public static Tensor targets(Scratch scratch, int[][] tokens, int length) {
        Tensor targets = scratch.allocate(new TensorType(DType.I32, Shape.of(tokens.length, length)));
        for (int row = 0; row < tokens.length; row++) {
            MemorySegment.copy(tokens[row], 1, targets.data(), JAVA_INT, 4L * row * length, length);
        }
        return targets;
    }
}
