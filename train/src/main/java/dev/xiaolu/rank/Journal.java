package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.History;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.train.JsonLines;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.RunJournal;
import dev.xiaolu.train.RunReporter;
import dev.xiaolu.train.TrainRun;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.function.Consumer;

/// The files of a run that one process at a time writes, the one that leads: metrics, samples, events, report, and the log of the control plane.
///
/// A leader takes a lock first, so that one which was stopped and does not know yet that another leads has closed its files or has ended; then it writes what is missing. On the coordinator's thread.
final class Journal implements AutoCloseable {
    private static final String LOCK = "launch/journal.lock";
    private static final int MOST_TURNS = 8192;                  // kept for a leader that comes after one which had not written them

    private final RunConfig config;
    private final Path folder;
    private final RunData data;
    private final Charter charter;
    private final Clock clock;
    private final Consumer<String> say;
    private final CheckpointStore store;
    private final Deque<Indexed> turns = new ArrayDeque<>();     // since this process has written none
    private Disk.Lock lock;                                      // null where another leads, or has the files still
    private ControlLog log;
    private RunReporter reporter;
    private Feed feed;
    private boolean prepared;
    private boolean leads;

    /// A turn of the control plane, and the index of its event.
    private record Indexed(long index, History.Turn turn) {}

    /// @param say told where the disk refuses
    Journal(RunConfig config, Path folder, RunData data, Charter charter, Clock clock, Consumer<String> say) {
        this.config = config;
        this.folder = folder;
        this.data = data;
        this.charter = charter;
        this.clock = clock;
        this.say = say;
        store = TrainRun.checkpoints(config, folder);
    }

    /// An event counts; at every replica.
    void turned(Coordinator.Turned now) {
        if (lock != null) {
            write(now);
            return;
        }
        turns.add(new Indexed(now.index(), now.turn()));
        if (turns.size() > MOST_TURNS) {
            turns.remove();
        }
    }

    /// Whether this replica leads.
    void leads(boolean now, Ledger ledger) {
        leads = now;
        if (!now) {
            close();
        } else {
            tick(ledger);
        }
    }

    /// Opens the files as soon as nobody else has them open.
    void tick(Ledger ledger) {
        if (!leads || lock != null) {
            return;
        }
        Optional<Disk.Lock> taken = Disk.real().tryLock(folder.resolve(LOCK), "process %d".formatted(ProcessHandle.current().pid()));
        if (taken.isEmpty()) {
            return;
        }
        lock = taken.get();
        log = new ControlLog(folder.resolve(Logs.FILE));
        turns.forEach(turn -> log.add(turn.index, turn.turn));
        turns.clear();
        open(Math.min(newest(RunJournal.METRICS), ledger.step()), Math.min(newest(RunJournal.SAMPLES), ledger.step()));
        bring(ledger, false);
    }

    private void open(long done, long sampled) {
        reporter = new RunReporter(RunJournal.filesAlone(folder, config, done, clock, say), config, data, done, charter.peak(), clock);
        feed = new Feed(reporter, done, sampled);
        prepared = false;
    }

    private long newest(String file) {
        return JsonLines.read(folder.resolve(file), line -> line.path("step").asLong()).stream().mapToLong(Long::longValue).max().orElse(0);
    }

    private void write(Coordinator.Turned now) {
        log.add(now.index(), now.turn());
        for (Action action : now.turn().actions()) {
            switch (action) {
                case Action.Rewound(_, long step, _) -> {
                    reporter.close();
                    open(step, step);
                }
                case Action.Durable(long step) -> {
                    bring(now.ledger(), false);
                    reporter.saved(Checkpoint.open(Disk.real(), store.folder(step)));
                }
                default -> { }
            }
        }
        bring(now.ledger(), false);
    }

    private void bring(Ledger ledger, boolean whole) {
        if (!prepared && !ledger.about().isEmpty()) {
            prepared = true;
            reporter.prepared(About.prepared(ledger.about(), feed.step() + 1, config, data));
        }
        if (prepared) {
            feed.bring(ledger, whole);
        }
    }

    /// The run is over: nothing more is waited for.
    void closes(Ledger ledger) {
        tick(ledger);
        if (lock != null) {
            bring(ledger, true);
            reporter.report();
        }
    }

    @Override public void close() {
        if (lock != null) {
            reporter.close();
            log.close();
            lock.close();
            lock = null;
        }
    }
}
