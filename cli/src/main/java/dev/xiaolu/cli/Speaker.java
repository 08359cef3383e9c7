package dev.xiaolu.cli;

import dev.xiaolu.nn.Generation;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Sampler;
import dev.xiaolu.tokenizer.TextStream;
import dev.xiaolu.tokenizer.Tokenizer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.IntPredicate;

/// A model that writes text piece by piece. Runs on the current [dev.xiaolu.tensor.Compute]; one thread at a time; owns its cache until [#close].
final class Speaker implements AutoCloseable {
    /// What was written.
    ///
    /// @param text    the text
    /// @param tokens  tokens chosen, the one that ended it included
    /// @param seconds time from the start, reading the prompt included
    /// @param guessed tokens guessed ahead
    /// @param stood   those of them that the model chose too
    record Said(String text, int tokens, double seconds, long guessed, long stood) {}

    private final Tokenizer tokenizer;
    private final Generation generation;

    /// A speaker with room for `capacity` tokens of context, which guesses `drafts` tokens ahead.
    Speaker(LanguageModel model, Tokenizer tokenizer, Sampler sampler, int capacity, int drafts) {
        this.tokenizer = tokenizer;
        generation = new Generation(model, sampler, capacity, drafts);
    }

    /// Adds tokens to the context.
    void feed(int... tokens) {
        generation.feed(tokens);
    }

    /// Tokens in the context.
    int length() {
        return generation.length();
    }

    /// Writes until a token ends the text, `maxTokens` are written, the context is full or `stopped` says so; whole characters go to `pieces` as they come.
    Said speak(int maxTokens, IntPredicate ends, BooleanSupplier stopped, Consumer<String> pieces) {
        TextStream stream = tokenizer.stream(true);
        var text = new StringBuilder();
        long begun = System.nanoTime();
        long guessed = generation.drafted();
        long stood = generation.accepted();
        int tokens = 0;
        while (tokens < maxTokens && generation.hasRoom() && !stopped.getAsBoolean()) {
            int token = generation.next();
            tokens++;
            if (ends.test(token)) {
                break;
            }
            say(stream.accept(token), text, pieces);
        }
        say(stream.finish(), text, pieces);
        return new Said(text.toString(), tokens, (System.nanoTime() - begun) / 1e9, generation.drafted() - guessed, generation.accepted() - stood);
    }

    private static void say(String piece, StringBuilder text, Consumer<String> pieces) {
        if (!piece.isEmpty()) {
            text.append(piece);
            pieces.accept(piece);
        }
    }

    @Override public void close() {
        generation.close();
    }
}
