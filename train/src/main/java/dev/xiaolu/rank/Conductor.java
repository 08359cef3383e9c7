package dev.xiaolu.rank;

import dev.xiaolu.comm.Region;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.platform.DiskException;
import dev.xiaolu.platform.InputException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.WriterProcess;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.StepPlans;
import dev.xiaolu.train.TrainRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/// Turns what the control plane does into the files of a run, its status and its log, and ends processes that are given up, where its replica leads; where it does not, it watches, so that it can go on.
///
/// On the coordinator's thread, but for [#incidents] and [#wholeBefore].
final class Conductor implements Coordinator.Watcher, AutoCloseable {
    /// The process that a replica is in.
    interface Site {
        /// Ends a process of the run, if that can be done from here, and returns when it has ended.
        void kill(Member member);

        /// A process takes part.
        default void joined(Member member) {}

        /// Processes of workers that were started from here, by number.
        Map<Integer, Long> started();

        /// Tells whoever watches.
        void say(String what);
    }

    private final Path folder;
    private final Charter charter;
    private final boolean elsewhere;                             // whether workers are on other hosts, perhaps
    private final Clock clock;
    private final Site site;
    private final CheckpointStore store;
    private final Path memory;
    private final Journal journal;
    private final StatusFile status;
    private final Goodput goodput = new Goodput();
    private final List<Incident> incidents = Collections.synchronizedList(new ArrayList<>());
    private long generation;
    private Ledger newest;
    private boolean leads;
    private List<Replica> replicas = List.of();                  // that are written

    /// @param memory folder of the regions of ranks on this host
    Conductor(RunConfig config, Path folder, RunData data, Charter charter, Path memory, Clock clock, Site site, boolean begins) {
        this.folder = folder;
        this.charter = charter;
        elsewhere = config.launch().isElsewhere();
        this.clock = clock;
        this.site = site;
        this.memory = memory;
        store = TrainRun.checkpoints(config, folder);
        newest = charter.ledger();
        journal = new Journal(config, folder, data, charter, clock, site::say);
        status = new StatusFile(folder, StepPlans.of(config.train()), config.train().steps(), charter.from(), clock, charter.startedMillis(), begins);
    }

    /// The status that was written last here. From any thread.
    RunStatus status() {
        return status.newest();
    }

    /// The run can be looked at there.
    void page(String address) {
        status.page(address);
    }

    @Override public void turned(Coordinator.Turned now) {
        State state = now.state();
        newest = now.ledger();
        journal.turned(now);
        if (state.run().generation() != generation) {
            generation = state.run().generation();
            goodput.disturbed();
        }
        if (now.turn().event() instanceof Event.Joined(Member member, _)) {
            site.joined(member);
            status.joined(member, newest.numbers().getOrDefault(member.id(), -1));
        }
        if (now.turn().event() instanceof Event.Computed) {
            goesOn();
        }
        for (Action action : now.turn().actions()) {
            switch (action) {
                case Action.Compute _ -> goodput.begins(clock.nanos());
                case Action.Committed(long step, _, _) -> {
                    goesOn();
                    goodput.committed(step, clock.nanos());
                }
                case Action.Rewound(_, long step, _) -> goodput.rewound(step);
                case Action.Fence(long id, String why) -> lost(id, why);
                default -> { }
            }
        }
    }

    private void lost(long id, String why) {
        incidents.add(new Incident(id, status.pid(id), why, newest.step(), Clock.real().nanos(), 0));
    }

    /// The others compute on.
    private void goesOn() {
        synchronized (incidents) {
            for (int i = incidents.size() - 1; i >= 0 && incidents.get(i).goesNanos() == 0; i--) {
                incidents.set(i, incidents.get(i).goingAt(Clock.real().nanos()));
            }
        }
    }

    List<Incident> incidents() {
        synchronized (incidents) {
            return List.copyOf(incidents);
        }
    }

    /// Part of the time that went into steps that count; NaN before the first.
    double goodput() {
        return goodput.share(clock.nanos());
    }

    @Override public void leads(boolean now) {
        leads = now;
        replicas = List.of();
        journal.leads(now, newest);
    }

    /// The launching process is told as one of them as long as it lives, since it has the run's lock until then.
    @Override public void replicas(List<Replica> now, List<Member> ranks) {
        if (!now.equals(replicas)) {
            replicas = now;
            Whereabouts.write(folder, charter.runId(), now);
        }
        var all = new ArrayList<WriterProcess>();
        if (charter.launcher().isWithUs()) {
            all.add(charter.launcher());
        }
        ranks.forEach(member -> all.add(elsewhere ? WriterProcess.elsewhere(member.pid()) : WriterProcess.here(member.pid())));
        status.coordinators(all);
    }

    @Override public void fence(Member member, String why) {
        site.kill(member);
        Region.remove(memory, member.id());
    }

    @Override public long wholeBefore(long step) {
        for (long older : store.steps().reversed()) {
            if (older < step) {
                try {
                    Checkpoint.open(Disk.real(), store.folder(older)).verify(1);
                    return older;
                } catch (InputException | DiskException _) {
                    // that one is damaged too
                }
            }
        }
        return -1;
    }

    @Override public void ticked(State state, Ledger ledger, SortedMap<Long, Coordinator.Pulse> pulses, boolean speaks) {
        newest = ledger;
        if (leads) {
            journal.tick(ledger);
        }
        if (speaks) {
            status.write(state, pulses, goodput(), incidents(), site.started());
        }
    }

    @Override public void closes(State state, Ledger ledger) {
        journal.closes(ledger);
        status.over(state, goodput(), incidents());
    }

    @Override public void close() {
        journal.close();
    }
}
