package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.Member;
import dev.xiaolu.store.RunLock;
import dev.xiaolu.train.LaunchSettings;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Screen;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

/// Takes what comes to a worker, for its rank and for the coordinator's replica that it has, if it has been asked to have one. Thread-safe.
final class Desk implements Endpoint.Receiver {
    private static final long LOCK_MILLIS = 25;
    private static final Duration OVER = Duration.ofSeconds(3), WRITTEN = Duration.ofSeconds(60);

    private final RunConfig config;
    private final RunData data;
    private final Contract contract;
    private final Path memory;
    private final Inbox inbox;
    private final Screen screen;
    private final CompletableFuture<Endpoint> endpoint = new CompletableFuture<>();
    private volatile Coordinator coordinator;                    // null where there is no replica here
    private Thread thread;                                       // of the replica; guarded by this
    private volatile boolean ended;

    Desk(RunConfig config, RunData data, Contract contract, Path memory, Inbox inbox, Screen screen) {
        this.config = config;
        this.data = data;
        this.contract = contract;
        this.memory = memory;
        this.inbox = inbox;
        this.screen = screen;
    }

    void opens(Endpoint over) {
        endpoint.complete(over);
    }

    @Override public void received(long from, Message message) {
        Coordinator here = coordinator;
        if (here != null && here.received(from, message)) {
            return;
        }
        if (message.kind() == Wire.SERVE) {
            serve(Charter.of(Wire.text(message)));
        } else {
            inbox.received(from, message);
        }
    }

    @Override public void failed(long peer, TransportException why) {
        inbox.failed(peer, why);
    }

    /// Once: a process has one replica at most, and one that has ended does not come back.
    private synchronized void serve(Charter charter) {
        if (thread == null && !ended) {
            thread = Thread.ofPlatform().daemon().name("xiaolu-coordinator").start(() -> serveHere(charter));
        }
    }

    private void serveHere(Charter charter) {
        LaunchSettings launch = config.launch();
        Endpoint over = endpoint.join();
        var self = charter.founders().stream().filter(founder -> founder.id() == over.self()).findFirst().orElseGet(() -> new Replica(over.self(), contract.host(), over.port()));
        var site = new Here(!launch.isElsewhere());
        var task = new Coordinator.Task(charter.settings(config, data), new RunRules(config, charter.from()), new Heartbeats(launch.silenceMillis(), 1000L * launch.progressSeconds()), Launch.PATIENCE_MILLIS,
                UnaryOperator.identity());
        guardTheRun();
        try (var conductor = new Conductor(config, contract.run(), data, charter, memory, Clock.real(), site, false);
                var here = new Coordinator(new Post(over, this), task, charter.ledger(), conductor)) {
            coordinator = here;
            here.opens(charter, Founding.joining(charter, self, here.post));
            site.say("has a replica of the coordinator from here on");
            here.run().filter(_ -> here.hasLeft()).ifPresent(site::say);
            if (here.leader() == over.self() && !charter.launcher().isWithUs()) {
                clear();
            }
        } catch (RuntimeException broken) {                      // the others go on
            site.say("has no replica of the coordinator any more: " + broken.getMessage());
        }
    }

    /// The launching process would do it, if it were there.
    private void clear() {
        Region.clear(memory);
        if (!config.launch().isElsewhere()) {
            try {
                Disk.real().delete(contract.keyFile());
            } catch (DiskException _) {
                // it is gone
            }
        }
    }

    /// Has the run's lock as soon as the launching process has it no more, so that nobody resumes a run that goes on.
    private void guardTheRun() {
        Thread.ofVirtual().start(() -> {
            try {
                Optional<RunLock> lock = Optional.empty();
                while (!ended) {
                    lock = lock.isPresent() ? lock : RunLock.tryTake(Disk.real(), contract.run());
                    Thread.sleep(LOCK_MILLIS);
                }
                lock.ifPresent(RunLock::close);
            } catch (InterruptedException | DiskException _) {
                // it decides no bit
            }
        });
    }

    /// The rank has ended: the replica here goes on until everything is written, where the run is over.
    void ends() {
        Thread serving;
        synchronized (this) {
            serving = thread;
        }
        Coordinator here = coordinator;
        if (serving != null && here != null) {
            try {
                long until = Coordinator.nowMillis() + OVER.toMillis();
                while (serving.isAlive() && !here.state().isOver() && Coordinator.nowMillis() < until) {
                    Thread.sleep(LOCK_MILLIS);
                }
                if (here.state().isOver()) {
                    serving.join(WRITTEN);
                }
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
            here.close();
        }
        ended = true;
    }

    /// This worker, as a replica sees it.
    private final class Here implements Conductor.Site {
        private final boolean local;                             // whether all workers are processes of this host that may be ended from here
        private final Map<Long, ProcessHandle> processes = new ConcurrentHashMap<>();    // as they were when they joined, so that no other is ended that has the same number later

        Here(boolean local) {
            this.local = local;
        }

        @Override public void joined(Member member) {
            if (local) {
                ProcessHandle.of(member.pid()).ifPresent(process -> processes.put(member.id(), process));
            }
        }

        @Override public void kill(Member member) {
            ProcessHandle process = processes.remove(member.id());
            if (process != null && member.pid() != ProcessHandle.current().pid()) {
                process.destroyForcibly();
                process.onExit().completeOnTimeout(process, 5, java.util.concurrent.TimeUnit.SECONDS).join();
            } else if (process != null) {
                Runtime.getRuntime().halt(KILLED);               // the run goes on without this one
            }
        }

        @Override public Map<Integer, Long> started() {
            return Map.of();
        }

        @Override public void say(String what) {
            screen.out().println("worker %d: %s".formatted(contract.rank(), what));
            screen.out().flush();
        }
    }

    private static final int KILLED = 137;
}
