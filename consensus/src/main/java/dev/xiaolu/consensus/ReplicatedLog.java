package dev.xiaolu.consensus;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.consensus.Bytes.In;
import dev.xiaolu.consensus.Bytes.Out;
import dev.xiaolu.consensus.Operation.Appended;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import io.microraft.RaftConfig;
import io.microraft.RaftEndpoint;
import io.microraft.RaftNode;
import io.microraft.RaftNodeStatus;
import io.microraft.model.message.AppendEntriesFailureResponse;
import io.microraft.model.message.AppendEntriesRequest;
import io.microraft.model.message.AppendEntriesSuccessResponse;
import io.microraft.model.message.InstallSnapshotResponse;
import io.microraft.model.message.RaftMessage;
import io.microraft.report.RaftNodeReport;
import io.microraft.report.RaftNodeReport.RaftNodeReportReason;
import io.microraft.report.RaftTerm;
import java.nio.BufferUnderflowException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.logging.Level;
import java.util.logging.Logger;

/// One replica of a log that several processes hold together: what more than half of them have written down counts, and stays.
///
/// Agreement is MicroRaft's (Ongaro and Ousterhout 2014, "In Search of an Understandable Consensus Algorithm"); messages go over an endpoint that the replica shares with its
/// process. Nothing is on disk: a replica that ends is gone, and another takes its place with [#replace]. Thread-safe.
public final class ReplicatedLog implements EventLog {
    /// The kind of all messages between replicas; a process has one replica at most.
    public static final int KIND = 0x0109;

    /// Largest message that is read, in bytes: an event and what stands before it.
    private static final long MOST_BYTES = MAX_EVENT_BYTES + (1 << 20);

    /// The library tells much, and little that the user of a run can act on; kept, since a logger that nobody holds forgets its level.
    private static final Logger LIBRARY = Logger.getLogger("io.microraft");

    /// Types of messages, beside those of [RaftBytes].
    private static final int OFFER = 100;
    private static final int OFFER_BYTES = 512 << 10, MOST_OFFERED = 1 << 16;
    private static final int MOST_UNCOMMITTED = 8000, ENTRIES_AT_ONCE = 500;
    private static final int LEAST_BEATS = 3;

    static {
        if (LIBRARY.getLevel() == null) {
            LIBRARY.setLevel(Level.SEVERE);
        }
    }

    /// Who takes part, and how patient the replicas are.
    ///
    /// @param self this replica, whose id is that of the endpoint
    /// @param members the replicas with which the log began; `self` is not among them where it joins later
    /// @param heartbeat how often a leader gives a sign of life; timers run up to half longer, drawn anew each time
    /// @param patience how long a leader may be silent; then another is chosen. Counted in whole heartbeats, at least 3
    /// @param snapshotEvery after how many entries the log is cut and replaced by a snapshot; the same at every replica
    public record Options(Replica self, List<Replica> members, Duration heartbeat, Duration patience, int snapshotEvery) {
        public Options {
            members = List.copyOf(members);
            check(!members.isEmpty() && members.size() <= RaftBytes.MOST_MEMBERS, "ReplicatedLog: %d replicas, wanted 1 to %d", members.size(), RaftBytes.MOST_MEMBERS);
            check(new HashSet<>(members.stream().map(Replica::id).toList()).size() == members.size(), "ReplicatedLog: of the replicas %s two have one id", members);
            check(heartbeat.toMillis() > 0 && patience.dividedBy(heartbeat) >= LEAST_BEATS, "ReplicatedLog: a patience of %d ms with a heartbeat of %d ms, wanted at least %d heartbeats",
                    patience.toMillis(), heartbeat.toMillis(), LEAST_BEATS);
            check(snapshotEvery > 0, "ReplicatedLog: a snapshot every %d events, wanted a positive number", snapshotEvery);
        }

        /// The usual patience: a heartbeat each 100 ms, 800 ms until another leads, a snapshot every 1000 events.
        public static Options of(Replica self, List<Replica> members) {
            return new Options(self, members, Duration.ofMillis(100), Duration.ofMillis(800), 1000);
        }

        public Options withPatience(Duration beat, Duration limit) {
            return new Options(self, members, beat, limit, snapshotEvery);
        }

        public Options withSnapshotEvery(int events) {
            return new Options(self, members, heartbeat, patience, events);
        }
    }

    private final Options options;
    private final long self;
    private final Endpoint endpoint;
    private final Listener listener;
    private final Applier applier;
    private final RaftThread thread;
    private final Mail mail;
    private final Own own;
    private final Machine machine;
    private final RaftNode node;
    private final Mends mends = new Mends();
    private final AtomicLong refused = new AtomicLong();
    private final List<CompletableFuture<Void>> exchanges = new ArrayList<>();      // guarded by itself
    private volatile boolean closed;

    private ReplicatedLog(Options options, Endpoint endpoint, Listener listener) {
        this.options = options;
        this.self = options.self.id();
        this.endpoint = endpoint;
        this.listener = listener;
        applier = new Applier("xiaolu-log-" + self, this::failed);
        thread = new RaftThread("xiaolu-raft-" + self, options.heartbeat);
        mail = new Mail(endpoint, KIND, options.patience, mends::said);
        own = new Own(self);
        machine = new Machine(self, options.snapshotEvery, applier, listener, own::counted);
        node = RaftNode.newBuilder().setGroupId(RaftBytes.GROUP).setLocalEndpoint(new Seat(options.self))
                .setInitialGroupMembers(options.members.stream().map(replica -> (RaftEndpoint) new Seat(replica)).toList()).setConfig(config(options)).setExecutor(thread)
                .setClock(thread.clock()).setTransport(mail).setStateMachine(machine).setRaftNodeReportListener(this::report).build();
        machine.of(node);
        mends.of(node);
        options.members.forEach(this::know);
    }

    /// The library's seconds are our heartbeats, see [RaftThread].
    private static RaftConfig config(Options options) {
        long beats = options.patience.dividedBy(options.heartbeat);
        return RaftConfig.newBuilder().setLeaderHeartbeatPeriodSecs(1).setLeaderHeartbeatTimeoutSecs(beats).setLeaderElectionTimeoutMillis(2000)
                .setMaxPendingLogEntryCount(MOST_UNCOMMITTED).setAppendEntriesRequestBatchSize(ENTRIES_AT_ONCE).setCommitCountToTakeSnapshot(options.snapshotEvery)
                .setTransferSnapshotsFromFollowersEnabled(false).setRaftNodeReportPublishPeriodSecs(60).build();
    }

    /// Takes part over this endpoint, whose owner gives each message to [#received] first, and once it has one: what comes before is lost, as any
    /// message may be.
    public static ReplicatedLog open(Options options, Endpoint endpoint, Listener listener) {
        check(options.self.id() == endpoint.self(), "ReplicatedLog: replica %d over the endpoint of %d, wanted the same id", options.self.id(), endpoint.self());
        var log = new ReplicatedLog(options, endpoint, listener);
        log.node.start();
        log.thread.later(log.retry(), log::watch);
        return log;
    }

    private Duration retry() {
        return options.patience.dividedBy(2);
    }

    private void know(Replica replica) {
        if (replica.id() != self) {
            endpoint.know(replica.id(), replica.host(), replica.port());
        }
    }

    /// Looks at a message that has come to the endpoint; false where it is none of the log's. Returns at once.
    public boolean received(long from, Message message) {
        if (message.kind() != KIND) {
            return false;
        }
        if (closed) {
            return true;
        }
        try {
            check(message.head().length == 0 && message.body().byteSize() <= MOST_BYTES, "message of the log: head of %d and body of %d bytes, wanted none and at most %d",
                    message.head().length, message.body().byteSize(), MOST_BYTES);
            var in = new In(message.body().asByteBuffer());
            int type = in.peek();
            if (type == OFFER) {
                in.anyInt();
                List<Appended> offered = in.list(MOST_OFFERED, each -> RaftBytes.appended(each, from));
                in.end();
                offered.forEach(each -> Machine.event(each.line()));      // only what can be read gets into the log
                safely(() -> propose(offered));
            } else {
                handle(RaftBytes.read(in, from));
            }
            mail.heard(from);
        } catch (IllegalArgumentException | BufferUnderflowException _) {
            refused.incrementAndGet();
        }
        return true;
    }

    private void handle(RaftMessage message) {
        switch (message) {
            case AppendEntriesRequest entries -> safely(() -> mends.append(entries));
            case AppendEntriesSuccessResponse _, AppendEntriesFailureResponse _, InstallSnapshotResponse _ -> safely(() -> mends.answer(message));
            default -> node.handle(message);
        }
    }

    /// How many messages of the log were none that a replica sends, and were left aside.
    public long refused() {
        return refused.get();
    }

    @Override public void append(Event event) {
        byte[] line = Lines.of(event).getBytes(StandardCharsets.UTF_8);
        check(line.length <= MAX_EVENT_BYTES, "event %s: its line has %d bytes, wanted at most %d", event.getClass().getSimpleName(), line.length, MAX_EVENT_BYTES);
        safely(() -> {
            own.add(line);
            offer();
        });
    }

    /// On the replica's thread, where nothing shall throw.
    private void safely(Runnable task) {
        thread.execute(() -> {
            try {
                task.run();
            } catch (RuntimeException | Error broken) {
                applier.add(() -> {
                    throw broken;                                        // told from there, where the listener is called
                });
            }
        });
    }

    private void offer() {
        RaftTerm now = node.getTerm();
        if (now.getLeaderEndpoint() == null) {
            return;
        }
        long leader = Seat.of(now.getLeaderEndpoint()).id();
        List<Appended> waiting = own.toOffer(now.getTerm(), leader);
        if (leader == self) {
            propose(waiting);
            return;
        }
        var batch = new ArrayList<Appended>();
        int bytes = 0;
        for (Appended each : waiting) {
            batch.add(each);
            bytes += 64 + each.line().length;
            if (bytes > OFFER_BYTES) {
                send(leader, batch);
                batch.clear();
                bytes = 0;
            }
        }
        if (!batch.isEmpty()) {
            send(leader, batch);
        }
    }

    private void send(long leader, List<Appended> batch) {
        mail.send(leader, new Out().put(OFFER).list(batch, RaftBytes::appended).array());
    }

    /// Writes events down where this replica leads. Where it does not, whoever offers them will notice that they do not count.
    private void propose(List<Appended> events) {
        events.stream().filter(each -> each.number() > machine.counted(each.origin())).forEach(each -> node.replicate(each).exceptionally(_ -> null));
    }

    private void watch() {
        safely(() -> {
            if (own.isStuck(options.patience.toNanos())) {
                own.offerAgain();
            }
            offer();
            thread.later(retry(), this::watch);
        });
    }

    /// Called by the library, on the replica's thread.
    private void report(RaftNodeReport report) {
        RaftNodeReportReason reason = report.getReason();
        if (reason == RaftNodeReportReason.INSTALL_SNAPSHOT) {
            mends.beforeMembersOfSnapshot();
        }
        if (report.getStatus() == RaftNodeStatus.TERMINATED && !closed) {
            safely(() -> {
                throw new IllegalStateException("replica %d of the log: another has taken its place".formatted(self));
            });
        }
        if (reason == RaftNodeReportReason.ROLE_CHANGE || reason == RaftNodeReportReason.STATUS_CHANGE) {
            machine.roleChanged();
            safely(() -> {
                mends.endOldElection();
                offer();
            });
        }
        if (reason == RaftNodeReportReason.GROUP_MEMBERS_CHANGE || reason == RaftNodeReportReason.INSTALL_SNAPSHOT) {
            report.getEffectiveMembers().getMembers().forEach(member -> know(Seat.of(member).replica()));
        }
    }

    @Override public long term() {
        return node.getTerm().getTerm();
    }

    @Override public long leader() {
        RaftEndpoint leader = closed ? null : node.getTerm().getLeaderEndpoint();
        return leader == null ? Endpoint.NOBODY : Seat.of(leader).id();
    }

    /// The replicas that this one knows of, whether they live or not; the voters alone or those who still learn, too.
    public List<Replica> members(boolean votersAlone) {
        var members = votersAlone ? node.getCommittedMembers().getVotingMembers() : node.getCommittedMembers().getMembers();
        return members.stream().map(member -> Seat.of(member).replica()).toList();
    }

    /// Puts a replica that was opened elsewhere, and that knows the members the log began with, into the place of one that is gone. Only where this replica leads; a new leader is
    /// asked again and goes on from what is done. Ends once the fresh one has all events and a vote, or with an exception; ends never where it does not answer, unless it is
    /// cancelled. The next exchange begins when the one before has ended.
    public CompletableFuture<Void> replace(long gone, Replica fresh) {
        check(gone != self && fresh.id() != gone && fresh.id() != self, "ReplicatedLog: replica %d is to take the place of %d at %d, wanted three different ones", fresh.id(), gone, self);
        check(options.members.stream().noneMatch(founder -> founder.id() == fresh.id()), "ReplicatedLog: replica %d was there from the beginning, wanted a fresh id", fresh.id());
        know(fresh);
        var exchange = new Exchange(node, thread, options.heartbeat, Seat.of(gone), new Seat(fresh));
        synchronized (exchanges) {
            exchanges.removeIf(CompletableFuture::isDone);
            CompletableFuture.allOf(exchanges.toArray(CompletableFuture[]::new)).whenComplete((_, _) -> exchange.begin());
            exchanges.add(exchange.done());
            if (closed) {
                exchange.done().cancel(false);
            }
        }
        return exchange.done();
    }

    /// Asks another voting replica to lead in this one's place. Only where this replica leads; ends once the other one leads, or with an exception where it does not come to that.
    public CompletableFuture<Void> handOver(long to) {
        return node.transferLeadership(Seat.of(to)).thenApply(_ -> null);
    }

    /// Called by the listener's thread, its last act.
    private void failed(Throwable why) {
        if (!closed) {
            end();
            listener.failed(why);
        }
    }

    private void end() {
        closed = true;
        mail.close();
        node.terminate();
        thread.execute(thread::end);
        synchronized (exchanges) {
            exchanges.forEach(exchange -> exchange.cancel(false));
        }
    }

    @Override public void close() {
        end();
        applier.close();
    }

    @Override public String toString() {
        return "replica %d of the log, term %d, leader %d".formatted(self, term(), leader());
    }
}
