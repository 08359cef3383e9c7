package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Member;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.LaunchSettings;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Screen;
import dev.xiaolu.train.TrainRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;

/// One worker process, from its environment to its end.
///
/// @param contract what it is told
/// @param screen   where it prints
public record Worker(Contract contract, Screen screen) {
    /// The file in the folder of a run from which workers read their config.
    static final String CONFIG = "launch/config.yaml";

    private static final long BEAT_MILLIS = 200;
    private static final Duration UNREACHABLE = Duration.ofSeconds(4);
    private static final int WARM_PASSES = 8;
    private static final long WARM_NANOS = 15_000_000_000L;

    /// Takes part in the run until it is over; throws [InputException] where that cannot be.
    public void run() {
        Path file = contract.run().resolve(CONFIG);
        if (!Files.isRegularFile(file)) {
            throw InputException.of("worker: wanted the config of the launch at %s, found none; is XIAOLU_RUN the folder of the run, and reachable from this host?", file);
        }
        RunConfig config = ConfigReader.file(file, List.of());
        int threads = config.cpu().threads() > 0 ? config.cpu().threads() : Math.max(1, Runtime.getRuntime().availableProcessors() / contract.worldSize());
        RunKey key = RunKey.read(contract.keyFile());
        try (Backend backend = Backends.open(config.cpu().backend(), threads); var preparation = new Preparation(config, contract.run(), screen)) {
            Runnable test = contract.generation() > 0 ? () -> {} : test(backend);        // one that is started anew comes where its like has passed
            RunData data = preparation.data(Optional.empty());
            test.run();
            try (Scratch scratch = new Scratch()) {
                Compute.call(backend, scratch, () -> {
                    takePart(config, data, key, backend);
                    return null;
                });
            }
        }
    }

    /// Begins the self-test, while the text is made ready, which needs no operator; what it gives waits for the end and refuses other bits.
    private static Runnable test(Backend backend) {
        var faults = TrainRun.selfTest(backend);
        return () -> TrainRun.refuseOtherBits(backend, faults);
    }

    private void takePart(RunConfig config, RunData data, RunKey key, Backend backend) {
        long self = Endpoint.freshId();
        long coordinator = Contract.coordinator(contract.runId());
        Path folder = Region.folder(contract.runId());
        var inbox = new Rank.Inbox(coordinator);
        var options = Endpoint.Options.of(contract.host(), 0, self, key).withUnreachableAfter(UNREACHABLE);
        boolean shared = config.launch().transport() == LaunchSettings.Transport.AUTO;
        try (Region region = Region.create(folder, self); var replica = new Replica(config, data, region); Endpoint endpoint = Endpoint.open(options, inbox);
                var regions = new Regions(endpoint, region, shared ? folder : null)) {
            var checkpoints = new Checkpoints(config, data, contract.run(), RunPlan.of(config, 0));
            inbox.serve(regions);
            endpoint.know(coordinator, Contract.host(contract.rendezvous()), Contract.port(contract.rendezvous()));
            if (contract.generation() > 0) {
                warmUp(replica);
            }
            Thread beats = beats(endpoint, coordinator, inbox);
            endpoint.send(coordinator, Wire.text(Wire.ABOUT, about(replica, config, backend)));
            var member = new Member(self, contract.host(), endpoint.port(), ProcessHandle.current().pid());
            endpoint.send(coordinator, Wire.text(Wire.EVENT, Lines.of(new Event.Joined(member, Fingerprint.of(config, data)))));
            double seconds = (Clock.real().wallMillis() - ProcessHandle.current().info().startInstant().map(Instant::toEpochMilli).orElseGet(Clock.real()::wallMillis)) * 1e-3;
            screen.out().println(String.format(Locale.ROOT, "worker %d: process %d, id %016x, %s, %s; joins %.1f s after its start", contract.rank(), member.pid(), self, backend.describe(), region, seconds));
            screen.out().flush();
            String why = new Rank(endpoint, coordinator, region, regions, replica, checkpoints, config.launch().copies(), inbox).work();
            beats.interrupt();
            screen.out().println("worker %d: %s".formatted(contract.rank(), replica.spent.words()));
            endpoint.drain(coordinator, Duration.ofSeconds(2));
            if (why != null) {
                throw InputException.of("worker %d at %s: %s", contract.rank(), contract.rendezvous(), why);
            }
        }
    }

    /// A process that comes late shall not make those wait who are warm: it computes a few leaves for nobody until the compiler has done most of its work.
    private static void warmUp(Replica replica) {
        long begun = Clock.real().nanos();
        for (int pass = 0; pass < WARM_PASSES && Clock.real().nanos() - begun < WARM_NANOS; pass++) {
            replica.compute(1, pass % replica.plan(1).leaves(), 1);
            replica.drop();
        }
    }

    private static Thread beats(Endpoint endpoint, long coordinator, Rank.Inbox inbox) {
        return Thread.ofPlatform().daemon().name("xiaolu-beats").start(() -> {
            try {
                while (true) {
                    endpoint.send(coordinator, Wire.numbers(Wire.BEAT, inbox.progress.get(), inbox.nanosPerLeaf.get()));
                    Thread.sleep(BEAT_MILLIS);
                }
            } catch (InterruptedException _) {
                // the end
            }
        });
    }

    private static String about(Replica replica, RunConfig config, Backend backend) {
        var training = replica.slot(0).made.training();
        ParameterCount count = training.model().parameterCount();
        return JsonMapper.shared().writeValueAsString(JsonMapper.shared().createObjectNode().put("counted", count.counted()).put("without", count.without()).put("all", count.all())
                .put("flops_per_token", 3 * training.flopsPerToken(config.train().sequenceLength())).put("backend", backend.describe())
                .putPOJO("terms", training.terms()));
    }
}
