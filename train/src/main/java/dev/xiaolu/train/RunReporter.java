package dev.xiaolu.train;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.tensor.Profile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;

/// Turns what a trainer tells into the run's journal: metrics, samples, progress and report.
public final class RunReporter implements RunListener, AutoCloseable {
    private final RunConfig config;
    private final RunData data;
    private final double peak;
    private final Clock clock;
    private final StepPlans plans;
    private final RunJournal journal;
    private final Map<String, String> facts = new LinkedHashMap<>();
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final Map<String, String> digests = new LinkedHashMap<>();
    private Prepared prepared;
    private Optional<HeldOut> heldOut = Optional.empty();
    private Optional<Profile> profile = Optional.empty();
    private long done;

    /// A reporter into `folder`, to go on after step `done`.
    ///
    /// @param peak floating-point operations a second that the machine can do; NaN where unknown
    public RunReporter(Path folder, RunConfig config, RunData data, long done, double peak, Clock clock, Screen screen) {
        this(RunJournal.open(folder, config, done, clock, screen), config, data, done, peak, clock);
    }

    /// A reporter into a journal that is open, which it closes.
    public RunReporter(RunJournal journal, RunConfig config, RunData data, long done, double peak, Clock clock) {
        this.config = config;
        this.data = data;
        this.done = done;
        this.peak = peak;
        this.clock = clock;
        plans = StepPlans.of(config.train());
        this.journal = journal;
    }

    @Override public void prepared(Prepared now) {
        prepared = now;
        facts.put("model", now.parameters().words());
        facts.put("corpus", now.corpus());
        facts.put("training tokens", String.format(Locale.ROOT, "%,d", now.trainingTokens()));
        environment.put("machine", "%s %s, %d processors".formatted(System.getProperty("os.name"), System.getProperty("os.arch"), Runtime.getRuntime().availableProcessors()));
        environment.put("java", System.getProperty("java.vm.version"));
        environment.put("backend", now.backend());
        if (!Double.isNaN(peak)) {
            environment.put("measured peak", String.format(Locale.ROOT, "%.0f GFLOP/s", peak / 1e9));
        }
        journal.say(String.format(Locale.ROOT, "%s; %,d tokens to learn from, %s", now.parameters().words(), now.trainingTokens(), now.backend()));
    }

    /// Tells what `profile` measures as soon as that is done.
    void watches(Profile watched) {
        profile = Optional.of(watched);
    }

    /// Tells what was measured so far, where that has not been told.
    void endProfile() {
        profile.ifPresent(measured -> {
            profile = Optional.empty();
            if (measured.steps() > 0) {
                journal.profile(new StepProfile(done - measured.steps() + 1, done, peak, measured.step()));
            } else {
                say("no step was measured: the first %d of a process are left out, and this one did not do more".formatted(measured.first() - 1));
            }
        });
    }

    @Override public void stepped(Stepped now) {
        StepResult result = now.result();
        done = result.step();
        double rate = result.tokens() / now.seconds();
        double mfu = rate * prepared.flopsPerToken() / peak;
        journal.step(new Metrics(done, result.loss(), result.learningRate(), result.gradNorm(), plans.tokensThrough(done), rate, mfu, now.seconds(), clock.wallMillis(),
                now.evaluation().map(one -> OptionalDouble.of(one.loss())).orElse(OptionalDouble.empty()),
                now.evaluation().map(one -> OptionalDouble.of(one.bitsPerByte())).orElse(OptionalDouble.empty()), Optional.of(now.weights()), result.terms(), RouterHealth.of(result.routers())));
        now.evaluation().ifPresent(one -> heldOut = Optional.of(new HeldOut(one.loss(), one.bitsPerByte(), one.tokens(), one.bytes(), data.heldOutFiles())));
        digests.put("weights", now.weights());
        digests.put("chain of all steps", now.chain().hex());
        if (profile.isPresent() && profile.get().isDone()) {
            endProfile();
        }
    }

    @Override public void sampled(long step, String prompt, String text) {
        journal.sample(new DrawnSample(step, prompt, text));
    }

    @Override public void saved(Checkpoint checkpoint) {
        journal.force();
        report();
    }

    @Override public void warned(String message) {
        journal.say("warning: " + message);
    }

    /// The last look at held-out text, if there was one.
    public Optional<HeldOut> heldOut() {
        return heldOut;
    }

    /// Shows what `words` say at the end of the progress line.
    public void also(Supplier<String> words) {
        journal.also(words);
    }

    /// Knows what `before` was told about the model, for a run that has gone back to an earlier step.
    public void takeOver(RunReporter before) {
        prepared = before.prepared;
        facts.putAll(before.facts);
        environment.putAll(before.environment);
    }

    /// Says something to the person who watches.
    public void say(String text) {
        journal.say(text);
    }

    /// Writes the report as things stand.
    public void report() {
        long steps = config.train().steps();
        String state = done >= steps ? "finished, %d steps".formatted(done) : "%d of %d steps".formatted(done, steps);
        journal.report(new RunJournal.Standing(state, facts, environment, digests, heldOut));
    }

    @Override public void close() {
        journal.close();
    }
}
