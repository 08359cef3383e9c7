package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;

/// One sequence that a model goes on writing: the tokens so far are cached, each [#next] adds one.
///
/// Runs on the current [Compute]; one thread at a time; owns its cache until [#close].
public final class Generation implements AutoCloseable {
    private static final int CHUNK = 512;                        // tokens of the prompt in one pass; does not change a bit

    private final LanguageModel model;
    private final Sampler sampler;
    private final ContextCache cache;
    private int[] pending = new int[0];

    /// A sequence of at most `capacity` tokens.
    public Generation(LanguageModel model, Sampler sampler, int capacity) {
        this.model = model;
        this.sampler = sampler;
        cache = model.newCache(capacity);
    }

    /// Adds tokens to the context without choosing any; ids must be below the vocabulary's size.
    public void feed(int... tokens) {
        for (int i = 0; i < tokens.length; i++) {
            checkInput(tokens[i] >= 0 && tokens[i] < model.vocabSize(), "token %d at position %d is out of range, wanted 0 to %d", tokens[i], length() + i, model.vocabSize() - 1);
        }
        int[] joined = java.util.Arrays.copyOf(pending, pending.length + tokens.length);
        System.arraycopy(tokens, 0, joined, pending.length, tokens.length);
        pending = joined;
    }

    /// Chooses the token that follows the context and adds it; the context must not be empty.
    public int next() {
        checkInput(length() > 0, "generation: the prompt has no tokens, wanted at least one");
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        Tensor last = null;
        for (int from = 0; from < pending.length; from += CHUNK) {
            scratch.reset(before);
            last = pass(java.util.Arrays.copyOfRange(pending, from, Math.min(pending.length, from + CHUNK)));
        }
        pending = new int[0];
        int token = sampler.next(last, length());
        scratch.reset(before);
        feed(token);
        return token;
    }

    /// Tokens in the context, chosen ones included.
    public int length() {
        return cache.length() + pending.length;
    }

    /// Whether another token fits.
    public boolean hasRoom() {
        return length() < cache.capacity();
    }

    private Tensor pass(int[] tokens) {
        Tensor logits = model.forward(Batch.continuing(Compute.current().scratch(), tokens, cache.length()), cache);      // [1, seq, vocab]
        return logits.at(0).at(tokens.length - 1);
    }

    @Override public void close() {
        cache.close();
    }
}
