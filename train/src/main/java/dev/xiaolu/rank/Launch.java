package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.Settings;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.train.ConfigWriter;
import dev.xiaolu.train.HomePath;
import dev.xiaolu.train.LaunchSettings;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.RunReporter;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import dev.xiaolu.train.Trainer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;

/// Trains over worker processes on this machine: prepares the text once, coordinates, starts workers and starts them anew, and keeps the journal.
///
/// @param command starts a worker, which reads its [Contract]
/// @param screen  where progress is shown
/// @param stop    asked now and then; when it says so, the run saves and ends
/// @param drill   disturbs the launch on purpose, if there is one
public record Launch(List<String> command, Screen screen, BooleanSupplier stop, Optional<Drill> drill) implements TrainRun.Engine {
    private static final String HOST = "127.0.0.1", FOLDER = "launch";
    private static final long PATIENCE_MILLIS = 600_000;
    private static final Duration FAREWELL = Duration.ofSeconds(30);

    /// A launch that nobody disturbs on purpose.
    public Launch(List<String> command, Screen screen, BooleanSupplier stop) {
        this(command, screen, stop, Optional.empty());
    }

    @Override public TrainRun.Ended train(RunConfig config, Path folder, Optional<Checkpoint> from, Preparation preparation, Runnable ready) {
        from.ifPresent(Trainer::refuseOtherArithmetic);
        RunData data = preparation.data(from);
        Disk disk = Disk.real();
        Path place = folder.resolve(FOLDER);
        disk.createDirectories(place);
        disk.replace(folder.resolve(Worker.CONFIG), ConfigWriter.yaml(config));
        LaunchSettings launch = config.launch();
        Path keyFile = launch.isElsewhere() ? HomePath.of(launch.keyFile()) : place.resolve("run.key");
        RunKey key = launch.isElsewhere() ? RunKey.read(keyFile) : RunKey.random();
        if (!launch.isElsewhere()) {
            key.write(keyFile);
        }
        ready.run();
        String runId = launch.isElsewhere() ? launch.id() : runId();
        String host = launch.isElsewhere() ? Contract.host(launch.rendezvous()) : HOST;
        Path memory = Region.folder(runId);
        var sweep = new Thread(() -> Region.clear(memory));
        Runtime.getRuntime().addShutdownHook(sweep);             // where this process is told to end by a signal
        Clock clock = Clock.real();
        long done = from.map(Checkpoint::step).orElse(0L);
        var settings = new Settings(launch.workers(), launch.fewest(), launch.copies(), done, true, Fingerprint.of(config, data), RunPlan.of(config, done));
        var heartbeats = new Heartbeats(launch.silenceMillis(), 1000L * launch.progressSeconds());
        double peak = peak(config);
        try (var conductor = new Conductor(config, folder, data, from, clock, screen, stop, () -> new RunReporter(folder, config, data, done, peak, clock, screen),
                     to -> new RunReporter(folder, config, data, to, peak, clock, screen));
                var links = new RoughLinks();
                var coordinator = new Coordinator(settings, heartbeats, PATIENCE_MILLIS, host, launch.isElsewhere() ? Contract.port(launch.rendezvous()) : 0, Contract.coordinator(runId), key, conductor,
                        drill.isPresent() ? links::behind : UnaryOperator.identity());
                var workers = new LocalWorkers(command, number -> new Contract(folder, runId, number, launch.workers(),
                        HOST + ":" + (drill.isPresent() ? links.rendezvous(number, coordinator.port()) : coordinator.port()), 0, keyFile, HOST), place, new Losses(coordinator, conductor))) {
            conductor.conducts(coordinator, workers, memory);
            if (launch.isElsewhere()) {
                screen.out().println("waiting for %d workers at %s; each is told XIAOLU_RUN=%s XIAOLU_RUN_ID=%s XIAOLU_RENDEZVOUS=%s and the key by XIAOLU_KEY_FILE".formatted(launch.workers(),
                        launch.rendezvous(), folder.toAbsolutePath().normalize(), runId, launch.rendezvous()));
            }
            for (int number = 0; number < launch.workers() && !launch.isElsewhere(); number++) {
                workers.start(number);
            }
            var disturbance = new Disturbance(coordinator, workers, conductor, links);
            drill.ifPresent(each -> each.disturb(disturbance, folder));
            Optional<String> failure = coordinator.run();
            drill.ifPresent(each -> each.ended(disturbance));
            workers.startNoMore();                               // who has taken its leave shall not come back while others still do
            coordinator.close();
            workers.end(FAREWELL);
            if (failure.isPresent()) {
                throw InputException.of("%s; go on with './xiaolu resume %s'", failure.get(), folder);
            }
            return conductor.ended();
        } finally {
            forget(sweep);
            Region.clear(memory);
            if (!launch.isElsewhere()) {
                disk.delete(keyFile);
            }
        }
    }

    /// What becomes of workers, as the coordinator is to know it.
    private record Losses(Coordinator coordinator, Conductor conductor) implements LocalWorkers.Listener {
        @Override public void ended(long pid, String how) {
            coordinator.ended(pid, how);
        }

        @Override public void givenUp(String why, boolean all) {
            if (all) {
                coordinator.fail(why);
            } else {
                coordinator.later(() -> conductor.warned(why + "; the run goes on without it"));
            }
        }
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // it is at work
        }
    }

    private static double peak(RunConfig config) {
        try (Backend backend = Backends.open(config.cpu().backend(), config.cpu().threads())) {
            return backend.measurePeak().orElse(Double.NaN);
        }
    }

    private static String runId() {
        return "%d-%016x".formatted(ProcessHandle.current().pid(), Endpoint.freshId());
    }
}
