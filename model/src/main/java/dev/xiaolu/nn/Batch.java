package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.shape.DType;
import dev.xiaolu.tensor.Tensor;

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

    /// Tokens that continue a context of `past` tokens: `tokens [batch, seq]`, all keys before each position visible. `arena` owns the index tensors.
    public static Batch continuing(java.lang.foreign.Arena arena, Tensor tokens, int past) {
        Tensor positions = Tensor.zeros(arena, DType.I32, tokens.shape());
        long seq = tokens.shape().axis(1);
        for (long i = 0; i < tokens.shape().size(); i++) {
            positions.data().setAtIndex(java.lang.foreign.ValueLayout.JAVA_INT, i, (int) (past + i % seq));
        }
        return new Batch(tokens, positions, Tensor.zeros(arena, DType.I32, tokens.shape()), positions);
    }
}
