package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.nn.RoutedExperts;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Event;
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

/// One worker process, from its environment to its end.
///
/// @param contract what it is told
/// @param screen   where it prints
public record Worker(Contract contract, Screen screen) {
    /// The file in the folder of a run from which workers read their config.
    static final String CONFIG = "launch/config.yaml";

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
        LaunchSettings launch = config.launch();
        Path folder = Region.folder(contract.runId());
        var inbox = new Inbox();
        var desk = new Desk(config, data, contract, folder, inbox, screen);
        var options = Endpoint.Options.of(contract.host(), 0, self, key).withUnreachableAfter(UNREACHABLE);
        boolean shared = launch.transport() == LaunchSettings.Transport.AUTO;
        try (Region region = Region.create(folder, self); var replica = new Replica(config, data, region); Endpoint endpoint = Endpoint.open(options, desk);
                var regions = new Regions(endpoint, region, shared ? folder : null);
                var liaison = new Liaison(new Post(endpoint, desk), Liaison.first(contract), Whereabouts.read(contract.run(), contract.runId()), launch.coordinators() > 1, inbox.progress, inbox.nanosPerLeaf)) {
            var checkpoints = new Checkpoints(config, data, contract.run(), RunPlan.of(config, 0));
            desk.opens(endpoint);
            inbox.serve(regions, liaison);
            if (contract.generation() > 0) {
                warmUp(replica);
            }
            liaison.tell(new Event.Noted(self, Noted.ABOUT, About.json(replica, config, backend, launch.isElsewhere() ? -1 : contract.rank())));
            var member = new Member(self, contract.host(), endpoint.port(), ProcessHandle.current().pid());
            liaison.tell(new Event.Joined(member, Fingerprint.of(config, data)));
            double seconds = (Clock.real().wallMillis() - ProcessHandle.current().info().startInstant().map(Instant::toEpochMilli).orElseGet(Clock.real()::wallMillis)) * 1e-3;
            screen.out().println(String.format(Locale.ROOT, "worker %d: process %d, id %016x, %s, %s; joins %.1f s after its start", contract.rank(), member.pid(), self, backend.describe(), region, seconds));
            screen.out().flush();
            String why = new Rank(endpoint, liaison, region, regions, replica, checkpoints, launch.copies(), inbox).work();
            liaison.close();
            screen.out().println("worker %d: %s".formatted(contract.rank(), replica.spent.words()));
            desk.ends();
            if (liaison.leader() != self) {
                endpoint.drain(liaison.leader(), Duration.ofSeconds(2));
            }
            if (why != null) {
                throw InputException.of("worker %d at %s: %s", contract.rank(), contract.rendezvous(), why);
            }
        }
    }

    /// A process that comes late shall not make those wait who are warm: it computes a few leaves for nobody until the compiler has done most of its work.
    private static void warmUp(Replica replica) {
        long begun = Clock.real().nanos();
        try (var held = new HeldExperts(replica)) {
            for (int pass = 0; pass < WARM_PASSES && Clock.real().nanos() - begun < WARM_NANOS; pass++) {
                int leaf = pass % replica.plan(1).leaves();
                if (replica.shards().parts() > 1) {
                    RoutedExperts.exchanging(Exchange.ofNobody(held), () -> replica.compute(1, leaf, 1));
                } else {
                    replica.compute(1, leaf, 1);
                }
                replica.drop();
            }
        }
    }
}
