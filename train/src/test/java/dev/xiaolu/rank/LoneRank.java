package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.consensus.Steering.Numbered;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Member;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.train.ConfigReader;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Screen;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// A real rank on a thread of its own, which a test orders about as its coordinator does.
final class LoneRank implements AutoCloseable {
    static final long SELF = 3, COORDINATOR = 2;

    final RunConfig config;
    final CompletableFuture<String> ended = new CompletableFuture<>();
    private final List<Event> all = new java.util.concurrent.CopyOnWriteArrayList<>();
    private final LinkedBlockingQueue<Event> told = new LinkedBlockingQueue<>();
    private final Preparation preparation;
    private final Endpoint coordinator;
    private final Thread thread;
    private long orders;

    /// A rank of a tiny run in `folder`.
    LoneRank(Path folder, String... overrides) {
        config = config(folder, overrides);
        preparation = new Preparation(config, folder.resolve("run"), Screen.plain(new PrintStream(new ByteArrayOutputStream())));
        RunData data = preparation.data(Optional.empty());
        RunKey key = RunKey.random();
        coordinator = Endpoint.open("127.0.0.1", 0, COORDINATOR, key, new Endpoint.Receiver() {
            @Override public void received(long from, Message message) {
                if (message.kind() == Wire.EVENT) {
                    Event event = Lines.event(Wire.text(message));
                    all.add(event);
                    told.add(event);
                }
            }

            @Override public void failed(long peer, TransportException why) {
                // a test sees it by what it waits for
            }
        });
        thread = Thread.ofPlatform().daemon().start(() -> {
            try {
                ended.complete(work(folder, data, key));
            } catch (Throwable failed) {
                ended.completeExceptionally(failed);
            }
        });
    }

    static RunConfig config(Path folder, String... overrides) {
        try {
            RandomKey key = RandomKey.ofSeed(1);
            Files.createDirectories(folder.resolve("text"));
            Files.createDirectories(folder.resolve("run"));
            for (int file = 0; file < 30; file++) {
                var text = new StringBuilder();
                for (int word = 0; word < 400; word++) {
                    text.append("word").append(Long.remainderUnsigned(key.at(file).bits(word), 14)).append(word % 9 == 8 ? ";\n" : " ");
                }
                Files.writeString(folder.resolve("text/file%02d.txt".formatted(file)), text);
            }
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
        var words = new ArrayList<>(List.of("tiny", "run.dir=" + folder, "data.paths=[\"" + folder.resolve("text") + "\"]", "cpu.threads=1", "train.steps=12", "launch.double_check=0"));
        words.addAll(List.of(overrides));
        return ConfigReader.words(words).config();
    }

    private String work(Path folder, RunData data, RunKey key) {
        var inbox = new Inbox();
        var first = new dev.xiaolu.consensus.Replica(COORDINATOR, "127.0.0.1", coordinator.port());
        try (Backend backend = Backends.open("cpu", 1); Scratch scratch = new Scratch()) {
            return Compute.call(backend, scratch, () -> {
                try (Region region = Region.create(folder, SELF); var replica = new Replica(config, data, region); Endpoint endpoint = Endpoint.open("127.0.0.1", 0, SELF, key, inbox);
                        var regions = new Regions(endpoint, region, folder);
                        var liaison = new Liaison(new Post(endpoint, inbox), first, List.of(), false, inbox.progress, inbox.nanosPerLeaf)) {
                    var checkpoints = new Checkpoints(config, data, folder.resolve("run"), RunPlan.of(config, 0));
                    inbox.serve(regions, liaison);
                    liaison.tell(new Event.Joined(new Member(SELF, "127.0.0.1", endpoint.port(), 1), new java.util.TreeMap<>(Map.of())));
                    return new Rank(endpoint, liaison, region, regions, replica, checkpoints, 2, inbox).work();
                }
            });
        }
    }

    void order(Action.Order order) {
        order(new Numbered(++orders, 0, order));
    }

    void order(Numbered order) {
        coordinator.send(SELF, Wire.order(order, DigestChain.START.hex()));
    }

    /// The layout of a generation in which there is nobody else.
    static Action.Layout alone(long generation, List<Long> settled, long committed) {
        return new Action.Layout(generation, List.of(new Member(SELF, "127.0.0.1", 1, 1)), settled, settled, committed, settled.isEmpty() ? List.of(SELF) : List.of(), false);
    }

    /// Begins generation 1 from the seed.
    void settle() {
        await(Event.Joined.class);
        order(alone(1, List.of(), 0));
        await(Event.Ready.class);
        order(new Action.Settled(1, List.of(SELF)));
    }

    /// The next thing of this kind that the rank tells.
    <T extends Event> T await(Class<T> kind) {
        try {
            while (true) {
                Event event = told.poll(120, TimeUnit.SECONDS);
                assertNotNull(event, () -> "wanted " + kind.getSimpleName() + ", nothing came; the rank: " + ended);
                if (kind.isInstance(event)) {
                    return kind.cast(event);
                }
            }
        } catch (InterruptedException stopped) {
            throw new IllegalStateException(stopped);
        }
    }

    /// How often the rank has told something of this kind.
    long heard(Class<? extends Event> kind) {
        return all.stream().filter(kind::isInstance).count();
    }

    @Override public void close() throws InterruptedException {
        order(new Action.Finish(0, List.of(SELF)));
        thread.join(30_000);
        coordinator.close();
        preparation.close();
    }
}
