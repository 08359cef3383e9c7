package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Region;
import dev.xiaolu.comm.Regions;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.store.CheckpointStore;
import dev.xiaolu.store.DigestChain;
import dev.xiaolu.tensor.Backend;
import dev.xiaolu.tensor.Backends;
import dev.xiaolu.tensor.Compute;
import dev.xiaolu.tensor.Scratch;
import dev.xiaolu.tensor.Tensor;
import dev.xiaolu.train.Preparation;
import dev.xiaolu.train.RunConfig;
import dev.xiaolu.train.Screen;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Every order to save is answered, and nothing is saved of which a part may be of another step.
@Timeout(600)
class CheckpointsTest {
    private static final long SELF = 3, OTHER = 5;

    @TempDir Path temp;

    private final LinkedBlockingQueue<Event> told = new LinkedBlockingQueue<>();

    /// The state of the other rank is the own one, as at the beginning it is.
    private static final Replica.Peers SAME = new Replica.Peers() {
        @Override public void read(long id, Tensor tensor) {
            throw new UnsupportedOperationException();
        }

        @Override public Tensor view(long id, Tensor tensor) {
            return tensor;
        }
    };

    private static final Replica.Peers GONE = new Replica.Peers() {
        @Override public void read(long id, Tensor tensor) {
            throw new UnsupportedOperationException();
        }

        @Override public Tensor view(long id, Tensor tensor) {
            throw new Regions(null, null, null).abandoned(id);
        }
    };

    @Test void checkpointIsSavedUnlessMembersChangeMeanwhileAndEitherIsTold() {
        RunConfig config = LoneRank.config(temp);
        Path run = temp.resolve("run");
        var store = new CheckpointStore(run, new CheckpointStore.Keep(2, 0));
        try (var preparation = new Preparation(config, run, Screen.plain(new PrintStream(new ByteArrayOutputStream()))); Backend backend = Backends.open("cpu", 1); Scratch scratch = new Scratch()) {
            var data = preparation.data(Optional.empty());
            Compute.call(backend, scratch, () -> {
                try (Region region = Region.create(temp, SELF); var replica = new Replica(config, data, region); var checkpoints = new Checkpoints(config, data, run, RunPlan.of(config, 0))) {
                    var save = new Action.Save(SELF, 4, 0);
                    Placement placement = replica.placement(List.of(SELF, OTHER), 1);
                    checkpoints.save(replica, save, placement, DigestChain.START, SAME, () -> true, told::add);
                    assertInstanceOf(Event.SaveFailed.class, told.remove());
                    var asked = new AtomicInteger();
                    checkpoints.save(replica, save, placement, DigestChain.START, SAME, () -> asked.getAndIncrement() > 0, told::add);           // while it was copied
                    assertInstanceOf(Event.SaveFailed.class, told.remove());
                    checkpoints.save(replica, save, placement, DigestChain.START, GONE, () -> false, told::add);
                    assertInstanceOf(Event.SaveFailed.class, told.remove());
                    assertEquals(List.of(), store.steps());
                    checkpoints.save(replica, save, placement, DigestChain.START, SAME, () -> false, told::add);
                    assertEquals(new Event.Saved(SELF, 4, 0), told.poll(60, TimeUnit.SECONDS));
                    assertTrue(store.newestVerified(1).whole().isPresent());
                    return null;
                } catch (InterruptedException stopped) {
                    throw new IllegalStateException(stopped);
                }
            });
        }
    }
}
