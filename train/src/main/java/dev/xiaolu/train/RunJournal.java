package dev.xiaolu.train;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// Everything a run tells while it goes: `metrics.jsonl`, `samples.jsonl`, TensorBoard events, the progress line, and at the end `report.html`.
///
/// None of it decides a bit, so a disk that refuses is said once and the run goes on. Files and progress may be in two processes: [#filesAlone] and [#screenAlone]. One thread at a time; open until
/// [#close].
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
    private final Optional<ProgressLine> progress;
    private final Optional<Files> files;
    private final Consumer<String> complain;
    private boolean complained;

    /// What is written while a run goes on.
    private record Files(JsonLines metrics, JsonLines samples, EventFile events) {
        static Files goOn(Path folder, long done, Clock clock) {
            return new Files(JsonLines.goOn(folder.resolve(METRICS), done), JsonLines.goOn(folder.resolve(SAMPLES), done), EventFile.start(folder, done, clock.wallMillis()));
        }
    }

    private RunJournal(Path folder, RunConfig config, Clock clock, Optional<ProgressLine> progress, Optional<Files> files, Consumer<String> complain) {
        this.folder = folder;
        this.config = config;
        this.clock = clock;
        this.progress = progress;
        this.files = files;
        this.complain = complain;
    }

    /// Opens the journal in the run's folder, to go on after step `done` (0: from the start).
    public static RunJournal open(Path folder, RunConfig config, long done, Clock clock, Screen screen) {
        var progress = new ProgressLine(screen, clock, config.train().steps());
        return new RunJournal(folder, config, clock, Optional.of(progress), Optional.of(Files.goOn(folder, done, clock)), progress::say);
    }

    /// The same without a progress line; `complain` is told where the disk refuses.
    public static RunJournal filesAlone(Path folder, RunConfig config, long done, Clock clock, Consumer<String> complain) {
        return new RunJournal(folder, config, clock, Optional.empty(), Optional.of(Files.goOn(folder, done, clock)), complain);
    }

    /// The progress line alone: another process has the files.
    public static RunJournal screenAlone(Path folder, RunConfig config, Clock clock, Screen screen) {
        var progress = new ProgressLine(screen, clock, config.train().steps());
        return new RunJournal(folder, config, clock, Optional.of(progress), Optional.empty(), progress::say);
    }

    /// Tells a step.
    public void step(Metrics now) {
        files.ifPresent(to -> attempt(() -> {
            EventFile events = to.events;
            to.metrics.append(now.json());
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
            now.routers().ifPresent(health -> routers(events, now.step(), health, wall));
            now.bitsPerByte().ifPresent(bits -> events.scalar("validation/bits_per_byte", now.step(), bits, wall));
        }));
        progress.ifPresent(line -> line.step(now));
    }

    private static void routers(EventFile events, long step, RouterHealth health, long wall) {
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
        files.ifPresent(to -> attempt(() -> {
            to.samples.append(sample.json());
            to.events.text("sample", sample.step(), "```\n" + sample.prompt() + sample.text() + "\n```", clock.wallMillis());
        }));
    }

    /// Shows what `words` say at the end of the progress line.
    public void also(Supplier<String> words) {
        progress.ifPresent(line -> line.also(words));
    }

    /// Tells a person something, above the progress line, where there is one.
    public void say(String text) {
        progress.ifPresent(line -> line.say(text));
    }

    /// Tells where the time of a step goes, in `profile.json` and to a person.
    void profile(StepProfile profile) {
        files.ifPresent(_ -> attempt(() -> Disk.real().replace(folder.resolve(StepProfile.FILE), profile.json())));
        profile.table().forEach(this::say);
    }

    /// Makes what was told so far outlast a loss of power; to be called with each checkpoint.
    public void force() {
        files.ifPresent(to -> attempt(() -> {
            to.metrics.force();
            to.samples.force();
        }));
    }

    /// Writes `report.html` from everything told so far; not where another process has the files.
    public void report(Standing standing) {
        files.ifPresent(_ -> attempt(() -> write(folder, config, standing)));
    }

    /// Writes the report of a run's folder from its files.
    public static void write(Path folder, RunConfig config, Standing standing) {
        List<Metrics> rows = JsonLines.read(folder.resolve(METRICS), Metrics::of);
        List<DrawnSample> texts = JsonLines.read(folder.resolve(SAMPLES), DrawnSample::of);
        Path profile = folder.resolve(StepProfile.FILE);
        Optional<StepProfile> measured = Disk.real().exists(profile) ? StepProfile.of(new String(Disk.real().read(profile), StandardCharsets.UTF_8)) : Optional.empty();
        var report = new Report(folder.toAbsolutePath().normalize().getFileName().toString(), standing.state, config, standing.facts, standing.environment, standing.digests, standing.heldOut, rows, texts, measured);
        Disk.real().replace(folder.resolve(REPORT), report.html());
    }

    /// Ends the progress line and closes the files.
    @Override public void close() {
        progress.ifPresent(ProgressLine::end);
        files.ifPresent(open -> {
            open.metrics.close();
            open.samples.close();
            open.events.close();
        });
    }

    private void attempt(Runnable telling) {
        try {
            telling.run();
        } catch (DiskException refused) {
            if (!complained) {
                complained = true;
                complain.accept("warning: " + refused.getMessage() + "; the run goes on, its journal may lack lines");
            }
        }
    }
}
