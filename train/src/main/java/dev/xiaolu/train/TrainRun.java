package dev.xiaolu.train;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointNotSavedException;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.RunLock;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Profile;
import dev.xiaolu.tensor.ProfiledBackend;
import dev.xiaolu.tensor.SelfTest;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/// A run in its folder, from the first step or from the newest whole checkpoint: what `xiaolu train` and `xiaolu resume` do.
///
/// The folder belongs to one process at a time. It holds `config.yaml`, `metrics.jsonl`, samples, TensorBoard events, `checkpoints/` and `report.html`.
///
/// @param screen      where progress is shown
/// @param stop        asked after every step; when it says so, the run saves and ends
/// @param overWorkers trains where a config asks for several workers
public record TrainRun(Screen screen, BooleanSupplier stop, Engine overWorkers) {
    private static final String CONFIG = "config.yaml";
    private static final int WARM_STEPS = 30;                    // of a process, in which the compiler is at work and which a profile leaves out
    private static final String STOP_AFTER = "train.stop_after";

    /// A run in this process alone.
    public TrainRun(Screen screen, BooleanSupplier stop) {
        this(screen, stop, (config, _, _, _, _) -> {
            throw InputException.of("launch.workers is %d, wanted 1: this program starts no workers", config.launch().workers());
        });
    }

    /// How a run ended.
    ///
    /// @param folder     of the run
    /// @param steps      steps done in all
    /// @param finished   whether the last step is done
    /// @param checkpoint the newest checkpoint
    /// @param heldOut    how well held-out text is predicted, where it was looked at
    public record Ended(Path folder, long steps, boolean finished, Optional<Checkpoint> checkpoint, Optional<HeldOut> heldOut) {}

    /// What trains, once everything is ready.
    @FunctionalInterface
    public interface Engine {
        /// Trains from the beginning or from a checkpoint.
        ///
        /// @param ready to be called as soon as nothing can refuse the start any more: it makes the folder a run
        Ended train(RunConfig config, Path folder, Optional<Checkpoint> from, Preparation preparation, Runnable ready);
    }

    /// Starts a run in `folder`, which must not hold one. The folder becomes a run once its text and its backend are ready, so that a start that is refused can be tried again.
    public Ended start(RunConfig config, Path folder) {
        Disk disk = Disk.real();
        if (disk.exists(folder.resolve(CONFIG))) {
            throw InputException.of("run %s: there is a run in this folder already; go on with './xiaolu resume %s', or choose another run.name", folder, folder);
        }
        try (var preparation = new Preparation(config, folder, screen)) {
            disk.createDirectories(folder);
            try (RunLock _ = RunLock.take(disk, folder)) {
                return run(config, folder, Optional.empty(), preparation, () -> disk.replace(folder.resolve(CONFIG), ConfigWriter.yaml(config)));
            }
        }
    }

    /// Goes on with the run in `folder`; `overrides` may change what decides no bits, as `key=value`.
    public Ended resume(Path folder, List<String> overrides) {
        Disk disk = Disk.real();
        Path file = folder.resolve(CONFIG);
        if (!disk.exists(file)) {
            throw InputException.of("run %s: wanted the folder of a run, found no %s in it", folder, CONFIG);
        }
        RunConfig before = ConfigReader.file(file, List.of());
        RunConfig wanted = ConfigReader.file(file, overrides);
        ConfigReader.checkResume(before, wanted);
        try (RunLock _ = RunLock.take(disk, folder)) {
            CheckpointStore store = checkpoints(wanted, folder);
            RunConfig config = hasStopped(wanted, store, overrides) ? ConfigReader.file(file, with(overrides, STOP_AFTER + "=0")) : wanted;
            store.tidy();
            CheckpointStore.Newest newest = store.newestVerified(Runtime.getRuntime().availableProcessors());
            if (!newest.warning().isEmpty()) {
                screen.out().println("warning: " + newest.warning());
            }
            if (newest.whole().isEmpty()) {
                screen.out().println("run %s has no whole checkpoint; it begins again at step 1, which gives the same bits".formatted(folder));
            }
            try (var preparation = new Preparation(config, folder, screen)) {
                return run(config, folder, newest.whole(), preparation, () -> {});
            }
        }
    }

    /// Whether the run has made the stop that its config asks for: a checkpoint of that step or a later one was saved, whole or not by now. It is made once, also where the run
    /// has to go back behind it.
    private static boolean hasStopped(RunConfig config, CheckpointStore store, List<String> overrides) {
        long stop = config.train().stopAfter();
        return stop > 0 && overrides.stream().noneMatch(word -> word.startsWith(STOP_AFTER)) && store.steps().stream().anyMatch(step -> step >= stop);
    }

    private static List<String> with(List<String> words, String word) {
        return Stream.concat(words.stream(), Stream.of(word)).toList();
    }

    private Ended run(RunConfig config, Path folder, Optional<Checkpoint> from, Preparation preparation, Runnable ready) {
        Engine engine = config.launch().isOverWorkers() ? overWorkers : this::here;
        return engine.train(config, folder, from, preparation, ready);
    }

    /// Trains in this process.
    private Ended here(RunConfig config, Path folder, Optional<Checkpoint> from, Preparation preparation, Runnable ready) {
        Clock clock = Clock.real();
        try (Backend backend = Backends.open(config.cpu().backend(), config.cpu().threads())) {
            var faults = selfTest(backend);                      // while the text is made ready, which needs no operator
            RunData data = preparation.data(from);
            refuseOtherBits(backend, faults);
            ready.run();
            double peak = backend.measurePeak().orElse(Double.NaN);
            backend.settle(clock);
            try (var reporter = new RunReporter(folder, config, data, from.map(Checkpoint::step).orElse(0L), peak, clock, screen)) {
                Backend measured = backend;
                if (config.train().profileSteps() > 0) {
                    var profile = new Profile(clock, WARM_STEPS, config.train().profileSteps());
                    measured = new ProfiledBackend(backend, clock, profile);
                    reporter.watches(profile);
                }
                Trainer.Outcome outcome = new Trainer(config, data, checkpoints(config, folder), reporter, stop, clock).run(measured, from);
                reporter.endProfile();
                reporter.report();
                return new Ended(folder, outcome.steps(), outcome.finished(), outcome.checkpoint(), reporter.heldOut());
            } catch (CheckpointNotSavedException last) {
                throw new InputException("%s; the run has ended, go on with './xiaolu resume %s'".formatted(last.getMessage(), folder), last);
            }
        }
    }

    /// Begins to compare the operators of this machine with the record, on a thread of its own.
    public static FutureTask<List<SelfTest.Mismatch>> selfTest(Backend backend) {
        var faults = new FutureTask<>(() -> SelfTest.run(backend));
        Thread.ofPlatform().daemon().name("xiaolu-self-test").start(faults);
        return faults;
    }

    /// Training on a machine whose operators give other bits would break every promise, so it does not begin there.
    public static void refuseOtherBits(Backend backend, FutureTask<List<SelfTest.Mismatch>> test) {
        try {
            List<SelfTest.Mismatch> faults = test.get();
            if (!faults.isEmpty()) {
                throw InputException.of("backend %s: %d operators give other bits than the record on this machine, the first is %s; try cpu.backend=reference, and './xiaolu doctor' for the rest",
                        backend.name(), faults.size(), faults.getFirst());
            }
        } catch (ExecutionException failed) {
            throw new IllegalStateException("the self-test of backend " + backend.name() + " failed", failed.getCause());
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw InputException.of("interrupted during the self-test of backend %s", backend.name());
        }
    }

    /// The checkpoints of a run.
    public static CheckpointStore checkpoints(RunConfig config, Path folder) {
        return new CheckpointStore(folder, new CheckpointStore.Keep(config.train().keepCheckpoints(), 0));
    }
}
