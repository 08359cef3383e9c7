package dev.xiaolu.rank;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.consensus.SingleLog;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.HistoryCheck;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Settings;
import dev.xiaolu.recover.State;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.ConfigWriter;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Screen;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/// A run over workers that are threads of this process: real coordinator, sockets, shared memory and arithmetic, at the cost of one warm compiler.
final class Crew implements Coordinator.Watcher, Endpoint.Receiver {
    private static final String[] WORDS = {"class", "int", "return", "value", "public", "void", "for", "if", "count", "index", "name", "list", "final", "String"};
    private static final Screen QUIET = Screen.plain(new PrintStream(OutputStream.nullOutputStream()));

    private final RunConfig config;
    private final Path folder;
    private final String runId = "test-" + Long.toHexString(System.nanoTime());
    private final Path keyFile;
    private final List<Thread> threads = new ArrayList<>();
    private final List<Throwable> failed = new ArrayList<>();
    private final List<History.Turn> turns = new ArrayList<>();
    private final TreeMap<Long, Runnable> atStep = new TreeMap<>();
    private final Endpoint endpoint;
    private volatile Coordinator coordinator;
    private DigestChain chain = DigestChain.START;
    private String failure;
    long rewinds, generation;

    /// A run of `config` in `folder` that waits for so many workers.
    Crew(RunConfig config, Path folder, int wanted) throws IOException {
        this.config = config;
        this.folder = folder;
        Files.createDirectories(folder.resolve("launch"));
        Files.writeString(folder.resolve(Worker.CONFIG), ConfigWriter.yaml(config));
        keyFile = folder.resolve("launch/run.key");
        RunKey key = RunKey.random();
        key.write(keyFile);
        try (var preparation = new Preparation(config, folder, QUIET)) {
            RunData data = preparation.data(Optional.empty());
            var settings = new Settings(wanted, 1, config.launch().copies(), 0, true, Fingerprint.of(config, data), RunPlan.of(config, 0), config.launch().expertRanks() > 1);
            endpoint = Endpoint.open("127.0.0.1", 0, Contract.coordinator(runId), key, this);
            var task = new Coordinator.Task(settings, rules(), new Heartbeats(1500, 120_000), 120_000, UnaryOperator.identity());
            coordinator = new Coordinator(new Post(endpoint, this), task, Ledger.of(0, DigestChain.START, new TreeMap<>()), this);
            coordinator.opens(null, listener -> new SingleLog(endpoint.self(), listener));
        }
    }

    /// Text and a config of a preset below `folder`.
    static RunConfig config(Path folder, String preset, String... overrides) throws IOException {
        Path text = folder.resolve("text");
        if (!Files.isDirectory(text)) {
            Files.createDirectories(text);
            RandomKey key = RandomKey.ofSeed(1);
            for (int file = 0; file < 30; file++) {
                var words = new StringBuilder();
                for (int word = 0; word < 400; word++) {
                    words.append(WORDS[(int) Long.remainderUnsigned(key.at(file).bits(word), WORDS.length)]).append(word % 9 == 8 ? ";\n" : " ");
                }
                Files.writeString(text.resolve("file%02d.txt".formatted(file)), words);
            }
        }
        var words = new ArrayList<>(List.of(preset, "run.dir=" + folder, "data.paths=[\"" + text + "\"]", "cpu.threads=1"));
        words.addAll(List.of(overrides));
        return ConfigReader.words(words).config();
    }

    /// One more worker.
    void join() {
        int number = threads.size();
        var contract = new Contract(folder, runId, number, 1, "127.0.0.1:" + endpoint.port(), 0, keyFile, "127.0.0.1");
        threads.add(Thread.ofPlatform().name("rank-" + number).start(() -> {
            try {
                new Worker(contract, QUIET).run();
            } catch (Throwable thrown) {
                synchronized (failed) {
                    failed.add(thrown);
                }
            }
        }));
    }

    /// The worker that came so many before is gone, without a word to anybody.
    void lose(int number) {
        threads.get(number).interrupt();
    }

    /// Lets something happen once a step is committed, on the coordinator's thread.
    void at(long step, Runnable what) {
        atStep.put(step, what);
    }

    /// The chain of all steps at the end.
    DigestChain run() throws InterruptedException {
        try {
            Optional<String> why = coordinator.run();
            failure = why.orElse(null);
            coordinator.close();
            chain = coordinator.ledger().chain();
            for (Thread thread : threads) {
                thread.join();
            }
        } finally {
            endpoint.close();
            Region.clear(Region.folder(runId));
        }
        List<String> faults = HistoryCheck.faults(RunPlan.of(config, 0), 0, new History(turns));
        if (!faults.isEmpty()) {
            throw new AssertionError(faults.toString());
        }
        return chain;
    }

    /// Why the run failed; null where it did not.
    String failure() {
        return failure;
    }

    /// What workers have died of.
    List<Throwable> failed() {
        return failed;
    }

    private Ledger.Rules rules() {
        var real = new RunRules(config, 0);
        return new Ledger.Rules() {
            @Override public boolean looks(long step) {
                return false;
            }

            @Override public String spike(String about, long step, List<Long> totals, List<Ledger.Row> before) {
                return null;
            }

            @Override public String fault(String about, long step, List<Long> totals, String where, long durable) {
                return real.fault(about, step, totals, where, durable);
            }
        };
    }

    @Override public void received(long from, Message message) {
        while (coordinator == null) {
            Thread.onSpinWait();                                 // it is about to be made
        }
        coordinator.received(from, message);
    }

    @Override public void failed(long peer, TransportException why) {}

    @Override public void turned(Coordinator.Turned now) {
        turns.add(now.turn());
        generation = now.state().run().generation();
        for (Action action : now.turn().actions()) {
            if (action instanceof Action.Committed(long step, _, _)) {
                Runnable what = atStep.remove(step);
                if (what != null) {
                    what.run();
                }
            } else if (action instanceof Action.Rewound) {
                rewinds++;
            }
        }
    }

    @Override public void ticked(State state, Ledger ledger, SortedMap<Long, Coordinator.Pulse> pulses, boolean speaks) {}

    @Override public void leads(boolean now) {}

    @Override public void fence(Member member, String why) {}

    @Override public long wholeBefore(long step) {
        return -1;
    }

    @Override public void closes(State state, Ledger ledger) {}
}
