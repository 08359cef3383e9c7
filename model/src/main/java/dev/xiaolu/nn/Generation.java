package dev.xiaolu.nn;

import static dev.xiaolu.platform.Check.checkInput;

import dev.xiaolu.platform.InputException;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import java.util.Arrays;

/// One sequence that a model goes on writing: the tokens so far are cached, each [#next] adds one.
///
/// With drafts, the model's own [Drafter] guesses the tokens that come next, and one pass of the model checks them: a guess stands if it is what the sampler chooses from the model's logits, so the text is the same with
/// any number of drafts, and only the number of passes differs. Source: Leviathan et al. 2022, arXiv:2211.17192, with a sampler that is a function of logits and position in place of the test of acceptance.
///
/// Runs on the current [Compute]; one thread at a time; owns its cache until [#close].
public final class Generation implements AutoCloseable {
    private static final int CHUNK = 512;                        // tokens of the prompt in one pass; does not change a bit
    private static final int[] NONE = {};

    private final LanguageModel model;
    private final Sampler sampler;
    private final int drafts;
    private final Drafter drafter;                               // null without drafts
    private final ContextCache cache;
    private int[] pending = NONE;                                // tokens that the cache does not hold yet
    private int[] ahead = NONE;                                  // chosen, the last of them pending, and not yet given by next
    private int[] guesses = NONE;                                // of what follows the pending tokens
    private int given;                                           // the token that next gave last
    private long drafted;
    private long accepted;

    /// A sequence of at most `capacity` tokens.
    public Generation(LanguageModel model, Sampler sampler, int capacity) {
        this(model, sampler, capacity, 0);
    }

    /// The same with up to `drafts` tokens guessed for each pass; refuses a model that cannot guess, unless that is 0.
    public Generation(LanguageModel model, Sampler sampler, int capacity, int drafts) {
        checkInput(drafts >= 0 && drafts <= Drafter.MOST, "drafts: %d tokens guessed for each pass, wanted 0 to %d", drafts, Drafter.MOST);
        this.model = model;
        this.sampler = sampler;
        this.drafts = drafts;
        drafter = drafts == 0 ? null : model.newDrafter(capacity).orElseThrow(() -> InputException.of(
                "drafts: this model has no block that predicts the token after the next (num_nextn_predict_layers), wanted one to guess %d tokens for each pass; set the drafts to 0", drafts));
        cache = drafter == null ? model.newCache(capacity) : drafter.cache();
    }

    /// Adds tokens to the context without choosing any; ids must be below the vocabulary's size.
    public void feed(int... tokens) {
        for (int i = 0; i < tokens.length; i++) {
            checkInput(tokens[i] >= 0 && tokens[i] < model.vocabSize(), "token %d at position %d is out of range, wanted 0 to %d", tokens[i], length() + i, model.vocabSize() - 1);
        }
        if (tokens.length > 0) {
            dropAhead();
            pending = joined(pending, tokens);
        }
    }

    /// Chooses the token that follows the context and adds it; the context must not be empty.
    public int next() {
        checkInput(length() > 0, "generation: the prompt has no tokens, wanted at least one");
        if (ahead.length == 0) {
            choose();
        }
        given = ahead[0];
        ahead = Arrays.copyOfRange(ahead, 1, ahead.length);
        return given;
    }

    /// Tokens in the context, chosen ones included.
    public int length() {
        return cache.length() + pending.length - ahead.length;
    }

    /// Whether another token fits.
    public boolean hasRoom() {
        return length() < cache.capacity();
    }

    /// Tokens guessed and checked so far.
    public long drafted() {
        return drafted;
    }

    /// Those of them that stood.
    public long accepted() {
        return accepted;
    }

    /// Reads what is pending and the guesses behind it, and chooses as many tokens as guesses stand, and one more.
    private void choose() {
        Scratch scratch = Compute.current().scratch();
        Scratch.Mark before = scratch.mark();
        int length = length();
        int from = 0;
        for (; from + CHUNK < pending.length; from += CHUNK) {
            pass(Arrays.copyOfRange(pending, from, from + CHUNK));
            guess(Arrays.copyOfRange(pending, from + 1, from + CHUNK + 1), 0);
            scratch.reset(before);
        }
        int[] rest = Arrays.copyOfRange(pending, from, pending.length);
        Tensor logits = pass(joined(rest, guesses));
        int[] chosen = new int[guesses.length + 1];
        int stood = 0;
        chosen[0] = sampler.next(logits.at(rest.length - 1), length);
        while (stood < guesses.length && chosen[stood] == guesses[stood]) {
            stood++;
            chosen[stood] = sampler.next(logits.at(rest.length - 1 + stood), length + stood);
        }
        drafted += guesses.length;
        accepted += stood;
        cache.rewind(cache.length() - (guesses.length - stood));
        ahead = Arrays.copyOf(chosen, stood + 1);
        pending = new int[] {chosen[stood]};
        int room = cache.capacity() - cache.length() - 2;        // for tokens behind the pending one and before the last
        guesses = guess(joined(Arrays.copyOfRange(rest, 1, rest.length), ahead), Math.clamp(room, 0, drafts));
        scratch.reset(before);
    }

    /// Tokens that were chosen ahead and not yet given are no part of a context that goes on otherwise.
    private void dropAhead() {
        if (ahead.length > 0) {
            cache.rewind(length() - 1);
            pending = new int[] {given};
            ahead = NONE;
        }
        guesses = NONE;
    }

    /// Logits `[seq, vocab]` of tokens behind the cached ones.
    private Tensor pass(int[] tokens) {
        Batch batch = Batch.continuing(Compute.current().scratch(), tokens, cache.length());
        return (drafter == null ? model.forward(batch, cache) : drafter.forward(batch)).at(0);
    }

    private int[] guess(int[] following, int count) {
        return drafter == null ? NONE : drafter.guess(following, count, sampler);
    }

    private static int[] joined(int[] one, int[] other) {
        int[] both = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }

    @Override public void close() {
        if (drafter == null) {
            cache.close();
        } else {
            drafter.close();
        }
    }
}
