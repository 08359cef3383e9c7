package dev.xiaolu.train;

import dev.xiaolu.nn.Generation;
import dev.xiaolu.nn.LanguageModel;
import dev.xiaolu.nn.Sampler;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Looks at a model while it is trained: how well it predicts held-out text, and what it writes. Runs on the current [Compute]; changes nothing.
///
/// @param config says when and how
/// @param data   held-out text and the tokenizer
/// @param made   the model
public record Looks(RunConfig config, RunData data, ModelFamily.Made made) {
    /// Told of a text that the model wrote.
    @FunctionalInterface
    public interface Told {
        /// After step `step` the model has gone on writing `prompt` with `text`.
        void sampled(long step, String prompt, String text);
    }

    /// Whether held-out text is looked at after step `done`.
    public static boolean evaluates(RunConfig config, long done) {
        return done == config.train().steps() || isDue(config.train().evalEvery(), done);
    }

    /// Whether texts are written after step `done`.
    public static boolean samples(RunConfig config, long done) {
        return done == config.train().steps() || isDue(config.train().sampleEvery(), done);
    }

    private static boolean isDue(long every, long done) {
        return every > 0 && done % every == 0;
    }

    /// How well held-out text is predicted, where that is due after step `done` and there is such text.
    public Optional<Evaluation> evaluation(long done) {
        return evaluation(done, () -> {});
    }

    /// The same; `progress` hears of every sequence.
    public Optional<Evaluation> evaluation(long done, Runnable progress) {
        if (!evaluates(config, done)) {
            return Optional.empty();
        }
        List<SequenceSource.Sequence> heldOut = data.heldOut(done == config.train().steps() ? config.eval().finalSequences() : config.eval().sequences());
        return Optional.of(Evaluation.of(made.training().model(), () -> heldOut.stream().peek(_ -> progress.run()).iterator(), bytesOf(heldOut))).filter(one -> one.tokens() > 0);
    }

    /// Bytes of text that the predicted tokens stand for; special tokens stand for none.
    private long bytesOf(List<SequenceSource.Sequence> sequences) {
        long bytes = 0;
        for (SequenceSource.Sequence sequence : sequences) {
            for (int i = 1; i < sequence.tokens().length; i++) {
                bytes += data.tokenizer().isSpecial(sequence.tokens()[i]) ? 0 : data.tokenizer().bytesOf(sequence.tokens()[i]);
            }
        }
        return bytes;
    }

    /// Lets the model write, where that is due after step `done`.
    public void samples(long done, Told told) {
        if (!samples(config, done)) {
            return;
        }
        RunConfig.Sample settings = config.sample();
        Tokenizer tokenizer = data.tokenizer();
        LanguageModel model = made.training().model();
        for (String prompt : settings.prompts()) {
            int[] start = tokenizer.encode(prompt, false);
            if (start.length == 0) {
                continue;
            }
            var sampler = new Sampler(settings.temperature(), settings.topP(), settings.seed());
            int[] written = new int[settings.maxTokens()];
            int count = 0;
            try (var generation = new Generation(model, sampler, start.length + settings.maxTokens())) {
                generation.feed(start);
                while (count < written.length && generation.hasRoom()) {
                    int token = generation.next();
                    if (made.endTokens().contains(token)) {
                        break;
                    }
                    written[count++] = token;
                }
            }
            told.sampled(done, prompt, tokenizer.decode(Arrays.copyOf(written, count), true));
        }
    }
}
