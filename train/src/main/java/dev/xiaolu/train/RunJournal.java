package dev.xiaolu.train;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Everything a run tells while it goes: `metrics.jsonl`, `samples.jsonl`, TensorBoard events, the progress line, and at the end `report.html`.
///
/// None of it decides a bit, so a disk that refuses is said once and the run goes on. One thread at a time; open until [#close].
public final class RunJournal implements AutoCloseable {
    /// Where things stand for the report.
    ///
    /// @param state       where the run stands, in words
    /// @param facts       what a reader should know first, by name
    /// @param environment what it ran on, by name
    /// @param digests     digests by name
    /// @param heldOut     the last look at files never trained on
    public record Standing(String state, Map<String, String> facts, Map<String, String> environment, Map<String, String> digests, Optional<HeldOut> heldOut) {
        public Standing {
            facts = new LinkedHashMap<>(facts);
            environment = new LinkedHashMap<>(environment);
            digests = new LinkedHashMap<>(digests);
        }
    }

    public static final String METRICS = "metrics.jsonl";
    public static final String SAMPLES = "samples.jsonl";
    public static final String REPORT = "report.html";

    private final Path folder;
    private final RunConfig config;
    private final Clock clock;
    private final ProgressLine progress;
    private final JsonLines metrics;
    private final JsonLines samples;
    private final EventFile events;
    private boolean complained;

    /// Opens the journal in the run's folder, to go on after step `done` (0: from the start).
    public RunJournal(Path folder, RunConfig config, long done, Clock clock, Screen screen) {
        this.folder = folder;
        this.config = config;
        this.clock = clock;
        progress = new ProgressLine(screen, clock, config.train().steps());
        metrics = JsonLines.goOn(folder.resolve(METRICS), done);
        samples = JsonLines.goOn(folder.resolve(SAMPLES), done);
        events = EventFile.start(folder, done, clock.wallMillis());
    }

    /// Tells a step.
    public void step(Metrics now) {
        attempt(() -> {
            metrics.append(now.json());
            long wall = now.wallMillis();
            events.scalar("train/loss", now.step(), now.loss(), wall);
            events.scalar("train/learning_rate", now.step(), now.learningRate(), wall);
            events.scalar("train/grad_norm", now.step(), now.gradNorm(), wall);
            events.scalar("speed/tokens_per_second", now.step(), now.tokensPerSecond(), wall);
            if (!Double.isNaN(now.mfu())) {
                events.scalar("speed/mfu", now.step(), now.mfu(), wall);
            }
            now.validationLoss().ifPresent(loss -> events.scalar("validation/loss", now.step(), loss, wall));
            now.terms().forEach((name, value) -> events.scalar("train/" + name, now.step(), value, wall));
            now.routers().ifPresent(health -> routers(now.step(), health, wall));
            now.bitsPerByte().ifPresent(bits -> events.scalar("validation/bits_per_byte", now.step(), bits, wall));
        });
        progress.step(now);
    }

    private void routers(long step, RouterHealth health, long wall) {
        events.scalar("router/entropy", step, health.entropy(), wall);
        events.scalar("router/mean_violation", step, health.meanViolation(), wall);
        events.scalar("router/max_violation", step, health.maxViolation(), wall);
        events.scalar("router/dropped", step, health.dropped(), wall);
        events.scalar("router/lowest_bias", step, health.lowestBias(), wall);
        events.scalar("router/highest_bias", step, health.highestBias(), wall);
        health.load().forEach((layer, load) -> events.scalar("router_violation/" + layer, step, RouterHealth.violation(load), wall));
    }

    /// Tells a text that the model wrote.
    public void sample(DrawnSample sample) {
        attempt(() -> {
            samples.append(sample.json());
            events.text("sample", sample.step(), "```\n" + sample.prompt() + sample.text() + "\n```", clock.wallMillis());
        });
    }

    /// Shows what `words` say at the end of the progress line.
    public void also(Supplier<String> words) {
        progress.also(words);
    }

    /// Tells a person something, above the progress line.
    public void say(String text) {
        progress.say(text);
    }

    /// Makes what was told so far outlast a loss of power; to be called with each checkpoint.
    public void force() {
        attempt(() -> {
            metrics.force();
            samples.force();
        });
    }

    /// Writes `report.html` from everything told so far.
    public void report(Standing standing) {
        attempt(() -> write(folder, config, standing));
    }

    /// Writes the report of a run's folder from its files.
    public static void write(Path folder, RunConfig config, Standing standing) {
        List<Metrics> rows = JsonLines.read(folder.resolve(METRICS), Metrics::of);
        List<DrawnSample> texts = JsonLines.read(folder.resolve(SAMPLES), DrawnSample::of);
        var report = new Report(folder.toAbsolutePath().normalize().getFileName().toString(), standing.state, config, standing.facts, standing.environment, standing.digests, standing.heldOut, rows, texts);
        Disk.real().replace(folder.resolve(REPORT), report.html());
    }

    /// Ends the progress line and closes the files.
    @Override public void close() {
        progress.end();
        metrics.close();
        samples.close();
        events.close();
    }

    private void attempt(Runnable telling) {
        try {
            telling.run();
        } catch (DiskException refused) {
            if (!complained) {
                complained = true;
                progress.say("warning: " + refused.getMessage() + "; the run goes on, its journal may lack lines");
            }
        }
    }
}
