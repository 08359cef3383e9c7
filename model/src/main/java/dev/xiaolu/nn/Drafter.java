package dev.xiaolu.nn;

import dev.xiaolu.tensor.Tensor;

/// A model that reads a context and, with a part of its own, guesses cheaply which tokens it will be followed by. Made by the model; guesses change nothing of what the model itself says.
///
/// Runs on the current [dev.xiaolu.tensor.Compute]. Owns its caches until [#close]. One thread at a time.
public interface Drafter extends AutoCloseable {
    /// Tokens that can be guessed in a row: as many as a cache surely takes back.
    int MOST = 8;

    /// The context that [#forward] continues; may be taken back between passes.
    ContextCache cache();

    /// Logits `[1, seq, vocab]` as the model's own forward pass gives them. What the guesses need of this pass stays in the scratch of the step.
    Tensor forward(Batch batch);

    /// Guesses `count` tokens behind the last of `following`. These are the tokens behind the first ones of the last pass, one each: the last may be new to the context, the others are those that were read.
    /// Called once after every pass, before its scratch is taken back; also where `count` is 0, for later guesses look back at this pass.
    int[] guess(int[] following, int count, Sampler sampler);

    @Override void close();
}
