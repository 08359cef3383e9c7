package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Region;
import dev.xiaolu.platform.Disk;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.RunData;
import dev.xiaolu.train.Screen;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Members write one checkpoint together; each order to save is answered, whatever becomes of a part.
@Timeout(600)
class SaverTest {
    private static final List<Long> MEMBERS = List.of(3L, 5L, 7L);
    private static final long GENERATION = 4;
    private static final Action.Save SAVE = new Action.Save(3, GENERATION, 0);

    @TempDir Path temp;

    /// A message between savers; either that a part is wanted or what has become of it.
    private record Letter(long from, long to, Saver.Wanted wanted, Saver.Part part) {}

    /// Savers of one process that write to each other; the test is everybody's thread.
    private final class Savers implements AutoCloseable {
        final Map<Long, Saver> savers = new HashMap<>();
        final LinkedBlockingQueue<Letter> letters = new LinkedBlockingQueue<>();
        final LinkedBlockingQueue<Event> told = new LinkedBlockingQueue<>();
        final AtomicLong progress = new AtomicLong();
        final Map<Long, AtomicLong> refusals = new HashMap<>();
        final Replica replica;
        final Checkpoints checkpoints;
        final Placement placement;

        Savers(RunConfig config, RunData data, Replica replica) {
            this.replica = replica;
            checkpoints = new Checkpoints(config, data, temp.resolve("run"), RunPlan.of(config, 0));
            placement = replica.placement(MEMBERS, 1);
            for (long id : MEMBERS) {
                refusals.put(id, new AtomicLong());
                var store = new CheckpointStore(new FullDisk(Disk.real(), refusals.get(id)), temp.resolve("run"), new CheckpointStore.Keep(2, 0), CheckpointStore.MAX_SHARD_BYTES);
                savers.put(id, new Saver(store, id, new Saver.Mail() {
                    @Override public void want(long to, Saver.Wanted wanted) {
                        letters.add(new Letter(id, to, wanted, null));
                    }

                    @Override public void written(long to, Saver.Part part) {
                        letters.add(new Letter(id, to, null, part));
                    }

                    @Override public void writing(long to) {}

                    @Override public void tell(Event event) {
                        told.add(event);
                    }
                }, progress::incrementAndGet));
            }
        }

        Saver saver(long id) {
            return savers.get(id);
        }

        void begin() {
            saver(3).begin(SAVE, replica.slot(0), placement, checkpoints.head(replica, 0, DigestChain.START));
        }

        Letter next() throws InterruptedException {
            Letter letter = letters.poll(60, TimeUnit.SECONDS);
            assertNotNull(letter);
            return letter;
        }

        void deliver(Letter letter) {
            if (letter.part == null) {
                saver(letter.to).write(letter.wanted, replica.slot(letter.wanted.step()), placement);
            } else {
                saver(letter.to).written(letter.from, letter.part);
            }
        }

        /// Delivers everything until the coordinator is told something.
        Event end() throws InterruptedException {
            while (true) {
                Letter letter = letters.poll(20, TimeUnit.MILLISECONDS);
                if (letter != null) {
                    deliver(letter);
                }
                Event event = told.poll();
                if (event != null) {
                    return event;
                }
            }
        }

        @Override public void close() {
            savers.values().forEach(Saver::close);
        }
    }

    private interface Body {
        void run(Savers savers, CheckpointStore store) throws Exception;
    }

    private void with(Body body) {
        RunConfig config = LoneRank.config(temp);
        Path run = temp.resolve("run");
        try (var preparation = new Preparation(config, run, Screen.plain(new PrintStream(OutputStream.nullOutputStream()))); Backend backend = Backends.open("cpu", 1); Scratch scratch = new Scratch()) {
            RunData data = preparation.data(Optional.empty());
            Compute.call(backend, scratch, () -> {
                try (Region region = Region.create(temp, 3); var replica = new Replica(config, data, region); var savers = new Savers(config, data, replica)) {
                    body.run(savers, new CheckpointStore(run, new CheckpointStore.Keep(2, 0)));
                    return null;
                } catch (Exception failed) {
                    throw new IllegalStateException(failed);
                }
            });
        }
    }

    @Test void membersWriteTogetherWhatOneWouldWriteAlone() {
        with((savers, store) -> {
            savers.begin();
            assertEquals(new Event.Saved(3, GENERATION, 0), savers.end());
            Checkpoint together = store.newestVerified(1).whole().orElseThrow();
            Checkpoint.Head head = savers.checkpoints.head(savers.replica, 0, DigestChain.START);
            Slot slot = savers.replica.slot(0);
            var states = new LinkedHashMap<String, Tensor>();
            slot.states().forEach((name, state) -> states.put(name, state.tensor()));
            var alone = new CheckpointStore(temp.resolve("alone"), new CheckpointStore.Keep(2, 0)).save(new Checkpoint.Contents(0, slot.made.weights(), states, head.digests(), head.chain(), head.files(), head.extra()));
            assertEquals(alone.manifest().weightsDigest(), together.manifest().weightsDigest());
            assertEquals(alone.manifest().extra(), together.manifest().extra());
            try (var a = alone.weights(); var b = together.weights(); var c = alone.optimizer(); var d = together.optimizer()) {
                assertEquals(new TreeSet<>(a.names()), new TreeSet<>(b.names()));
                for (String name : a.names()) {
                    assertEquals(-1, bytes(a.tensor(name)).mismatch(bytes(b.tensor(name))), name);
                }
                assertEquals(new TreeSet<>(c.names()), new TreeSet<>(d.names()));
                for (String name : c.names()) {
                    assertEquals(-1, bytes(c.tensor(name)).mismatch(bytes(d.tensor(name))), name);
                }
            }
            assertTrue(Files.exists(together.folder().resolve("model-00003-of-00003.safetensors")), "each member has written a file");
        });
    }

    private static MemorySegment bytes(Tensor tensor) {
        return tensor.data().asSlice(0, tensor.type().bytes());
    }

    @Test void partThatFailsFailsTheCheckpointAndTheNextOneIsWhole() {
        with((savers, store) -> {
            savers.refusals.get(5L).set(1);
            savers.begin();
            var failed = assertInstanceOf(Event.SaveFailed.class, savers.end());
            assertTrue(failed.why().startsWith("checkpoint step-0 is not saved: ") && failed.why().contains("the disk is full"), failed.why());
            assertEquals(List.of(), store.steps());
            savers.begin();
            assertEquals(new Event.Saved(3, GENERATION, 0), savers.end());
            assertTrue(store.newestVerified(1).whole().isPresent());
        });
    }

    @Test void memberThatIsLostFailsTheCheckpointAtOnceAndWhatItSaysLaterCountsNoMore() {
        with((savers, store) -> {
            savers.begin();
            savers.saver(3).members(List.of(3L, 5L, 7L, 9L));                    // somebody new changes nothing
            assertEquals(null, savers.told.poll());
            savers.saver(3).members(List.of(3L, 5L));
            assertEquals(new Event.SaveFailed(3, GENERATION, 0, "checkpoint step-0 is not saved: ranks have changed while it was written"), savers.told.poll());
            for (int others = 0; others < 2;) {
                Letter letter = savers.next();
                savers.deliver(letter);
                others += letter.part != null && letter.from != 3 ? 1 : 0;
            }
            savers.saver(3).awaitCopied(0);
            assertEquals(null, savers.told.poll());
            assertEquals(List.of(), store.steps());
        });
    }

    @Test void partThatIsRefusedFailsTheCheckpoint() {
        with((savers, store) -> {
            savers.begin();
            Letter wanted = savers.next();
            savers.saver(wanted.to()).refuse(wanted.wanted());
            assertInstanceOf(Event.SaveFailed.class, savers.end());
            assertEquals(List.of(), store.steps());
        });
    }
}
