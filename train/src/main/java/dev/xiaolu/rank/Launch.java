package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.Member;
import dev.xiaolu.status.WriterProcess;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
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
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
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
    static final long PATIENCE_MILLIS = 600_000;
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
        if (disk.exists(folder.resolve(Logs.FILE))) {
            disk.delete(folder.resolve(Logs.FILE));              // that of an earlier launch
        }
        LaunchSettings launch = config.launch();
        Path keyFile = launch.isElsewhere() ? HomePath.of(launch.keyFile()) : place.resolve(RUN_KEY);
        RunKey key = launch.isElsewhere() ? RunKey.read(keyFile) : RunKey.random();
        if (!launch.isElsewhere()) {
            key.write(keyFile);
        }
        ready.run();
        String runId = launch.isElsewhere() ? launch.id() : runId();
        Region.sweep(Launch::isOver);
        Path memory = Region.folder(runId);
        var sweep = new Thread(() -> Region.clear(memory));
        Runtime.getRuntime().addShutdownHook(sweep);             // where this process is told to end by a signal
        var left = new AtomicBoolean();
        try {
            return train(config, folder, data, from, new Place(runId, key, keyFile, memory, left));
        } finally {
            forget(sweep);
            if (!left.get()) {
                Region.clear(memory);
            }
            if (!left.get() && !launch.isElsewhere()) {
                disk.delete(keyFile);
            }
        }
    }

    /// The key of a launch that starts its own workers, in its folder.
    static final String RUN_KEY = "run.key";

    /// What a launch has of its own.
    ///
    /// @param left set where the run goes on without this process
    private record Place(String runId, RunKey key, Path keyFile, Path memory, AtomicBoolean left) {}

    private TrainRun.Ended train(RunConfig config, Path folder, RunData data, Optional<Checkpoint> from, Place place) {
        LaunchSettings launch = config.launch();
        Clock clock = Clock.real();
        long self = Contract.coordinator(place.runId);
        String host = launch.isElsewhere() ? Contract.host(launch.rendezvous()) : HOST;
        var door = new Door();
        try (var links = new RoughLinks(); Endpoint endpoint = Endpoint.open(host, launch.isElsewhere() ? Contract.port(launch.rendezvous()) : 0, self, place.key, door)) {
            Charter charter = charter(config, folder, from, place.runId, new Replica(self, host, endpoint.port()));
            var workers = new LocalWorkers(command, number -> new Contract(folder, place.runId, number, launch.workers(),
                    HOST + ":" + (drill.isPresent() ? links.rendezvous(number, endpoint.port()) : endpoint.port()), 0, place.keyFile, HOST), folder.resolve(FOLDER), door);
            var told = new TreeMap<>(Fingerprint.of(config, data));
            UnaryOperator<Member> reach = drill.isPresent() ? links::behind : UnaryOperator.identity();
            var task = new Coordinator.Task(charter.settings(config, told), new RunRules(config, charter.from()), new Heartbeats(launch.silenceMillis(), 1000L * launch.progressSeconds()), PATIENCE_MILLIS, reach);
            try (workers; var conductor = new Conductor(config, folder, data, charter, place.memory, clock, new Here(workers, door), true);
                    var front = new Front(config, folder, data, charter, clock, screen, stop, conductor, workers);
                    var coordinator = new Coordinator(new Post(endpoint, door), task, charter.ledger(), front)) {
                front.watches(coordinator);
                door.opens(coordinator, front, new Founding(coordinator, charter, told, launch.coordinators(), reach));
                if (launch.isElsewhere()) {
                    screen.out().println("waiting for %d workers at %s; each is told XIAOLU_RUN=%s XIAOLU_RUN_ID=%s XIAOLU_RENDEZVOUS=%s and the key by XIAOLU_KEY_FILE".formatted(launch.workers(),
                            launch.rendezvous(), folder.toAbsolutePath().normalize(), place.runId, launch.rendezvous()));
                }
                for (int number = 0; number < launch.workers() && !launch.isElsewhere(); number++) {
                    workers.start(number);
                }
                var disturbance = new Disturbance(coordinator, workers, conductor, links);
                drill.ifPresent(each -> each.disturb(disturbance, folder));
                Optional<String> failure = coordinator.run();
                if (coordinator.hasLeft()) {
                    workers.leave();
                    place.left.set(true);
                    throw InputException.of("%s; look at it with './xiaolu status %s'", failure.orElseThrow(), folder);
                }
                drill.ifPresent(each -> each.ended(disturbance));
                workers.startNoMore();
                coordinator.close();
                workers.end(FAREWELL);
                if (failure.isPresent()) {
                    throw InputException.of("%s; go on with './xiaolu resume %s'", failure.get(), folder);
                }
                return ended(config, folder, coordinator.ledger(), front);
            }
        }
    }

    /// Takes what comes from outside: messages, and the ends of processes. What comes before there is a coordinator waits for it.
    private static final class Door implements Endpoint.Receiver, LocalWorkers.Listener {
        private record Inside(Coordinator coordinator, Front front, Founding founding) {}

        private final CompletableFuture<Inside> inside = new CompletableFuture<>();

        void opens(Coordinator coordinator, Front front, Founding founding) {
            inside.complete(new Inside(coordinator, front, founding));
        }

        @Override public void received(long from, Message message) {
            Inside now = inside.join();
            now.coordinator.received(from, message);
            now.founding.received(from, message);
        }

        @Override public void failed(long peer, TransportException why) {
            // signs of life decide, and they are missing then
        }

        @Override public void ended(long pid, String how) {
            inside.join().coordinator.ended(pid, how);
        }

        @Override public void givenUp(String why, boolean all) {
            Inside now = inside.join();
            if (all) {
                now.coordinator.fail(why);
            } else {
                now.coordinator.later(() -> now.front.warned(why + "; the run goes on without it"));
            }
        }

        void say(String what) {
            if (inside.isDone()) {
                inside.join().front.warned(what);
            }
        }
    }

    /// The launching process.
    private record Here(LocalWorkers workers, Door door) implements Conductor.Site {
        @Override public void kill(Member member) {
            workers.kill(member.pid());
        }

        @Override public Map<Integer, Long> started() {
            return workers.pids();
        }

        @Override public void say(String what) {
            door.say(what);
        }
    }

    private static Charter charter(RunConfig config, Path folder, Optional<Checkpoint> from, String runId, Replica self) {
        String chain = from.map(checkpoint -> checkpoint.manifest().chain()).orElse(DigestChain.START).hex();
        return new Charter(runId, List.of(self), WriterProcess.own(), from.map(Checkpoint::step).orElse(0L), chain, chains(TrainRun.checkpoints(config, folder)), peak(config), Clock.real().wallMillis());
    }

    /// Of the checkpoints that are there, since a run may have to go back to an older one.
    private static SortedMap<Long, String> chains(CheckpointStore store) {
        var chains = new TreeMap<Long, String>();
        for (long step : store.steps()) {
            try {
                chains.put(step, Checkpoint.open(Disk.real(), store.folder(step)).manifest().chain().hex());
            } catch (InputException | DiskException _) {
                // nobody will begin from that one
            }
        }
        return chains;
    }

    /// How the run has ended.
    private static TrainRun.Ended ended(RunConfig config, Path folder, Ledger ledger, Front front) {
        RunReporter shown = front.shown(ledger);
        long done = ledger.step();
        Optional<Checkpoint> newest = TrainRun.checkpoints(config, folder).newest().whole();
        if (done > 0 && newest.map(Checkpoint::step).orElse(0L) < done) {
            throw InputException.of("%s; the run has ended, go on with './xiaolu resume %s'", front.notSaved(), folder);
        }
        return new TrainRun.Ended(folder, done, done >= config.train().steps(), newest, shown.heldOut());
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

    /// Whether a launch of this id was started on a host by a process that is gone; its workers may go on without it.
    private static boolean isOver(String runId) {
        String[] parts = runId.split("-");
        return parts.length == 2 && parts[0].matches("\\d{1,18}") && parts[1].matches("[0-9a-f]{16}") && ProcessHandle.of(Long.parseLong(parts[0])).isEmpty();
    }

    private static String runId() {
        return "%d-%016x".formatted(ProcessHandle.current().pid(), Endpoint.freshId());
    }
}
