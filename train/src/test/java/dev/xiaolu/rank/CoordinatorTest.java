package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.Leaf;
import dev.xiaolu.recover.Lines;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Plan;
import dev.xiaolu.recover.Settings;
import dev.xiaolu.recover.State;
import dev.xiaolu.store.DigestChain;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A real coordinator, and ranks that answer its orders without computing anything.
@Timeout(120)
class CoordinatorTest implements Coordinator.Watcher {
    private static final Plan PLAN = new Plan() {
        @Override public int leavesOf(long step) {
            return 2;
        }

        @Override public long lastStep() {
            return 1000;
        }

        @Override public boolean isCheckpointStep(long step) {
            return false;
        }
    };

    private final RunKey key = RunKey.random();
    private final CountDownLatch computing = new CountDownLatch(1);
    private volatile long looked = -1;

    @Override public void turned(History.Turn turn, State state) {
        if (state.run().committed() >= 1 && state instanceof State.Computing) {
            computing.countDown();
        }
    }

    @Override public void fence(Member member, String why) {}

    @Override public void about(String json) {}

    @Override public void seen(String json) {}

    @Override public DigestChain chain() {
        return DigestChain.START;
    }

    @Override public long wholeBefore(long step) {
        return -1;
    }

    @Override public boolean looks(long step) {
        return step == looked;
    }

    @Override public void ticked(State state, SortedMap<Long, Coordinator.Pulse> pulses) {}

    private Coordinator coordinator(int wanted) {
        return new Coordinator(new Settings(wanted, 1, 1, 0, true, new TreeMap<>(), PLAN), new Heartbeats(60_000, 60_000), 60_000, "127.0.0.1", 0, 2, key, this, UnaryOperator.identity());
    }

    private static CompletableFuture<String> running(Coordinator coordinator, CompletableFuture<Thread> thread) {
        var ended = new CompletableFuture<String>();
        thread.complete(Thread.ofPlatform().daemon().start(() -> {
            try {
                ended.complete(coordinator.run().orElse("went well"));
            } catch (Throwable failed) {
                ended.completeExceptionally(failed);
            }
        }));
        return ended;
    }

    /// Says what a rank says, at once; computes nothing from step `until` on.
    private Endpoint rank(long id, Coordinator coordinator, long until, List<Runnable> held) {
        var self = new CompletableFuture<Endpoint>();
        Endpoint endpoint = Endpoint.open("127.0.0.1", 0, id, key, new Endpoint.Receiver() {
            @Override public void received(long from, Message message) {
                if (message.kind() == Wire.ORDER) {
                    answer(id, self.join(), Lines.action(Wire.text(message)), until, held);
                }
            }

            @Override public void failed(long peer, TransportException why) {}
        });
        self.complete(endpoint);
        endpoint.know(2, "127.0.0.1", coordinator.port());
        tell(endpoint, new Event.Joined(new Member(id, "127.0.0.1", endpoint.port(), id), new TreeMap<>()));
        return endpoint;
    }

    private static void tell(Endpoint endpoint, Event event) {
        endpoint.send(2, Wire.text(Wire.EVENT, Lines.of(event)));
    }

    private static void answer(long id, Endpoint endpoint, Action order, long until, List<Runnable> held) {
        Event answer = switch (order) {
            case Action.Layout layout -> new Event.Ready(id, layout.generation());
            case Action.Compute compute -> new Event.Computed(id, compute.generation(), compute.step(), compute.leaves().stream().map(leaf -> new Leaf(leaf, false, 0, 0)).toList());
            case Action.Reduce reduce -> new Event.Reduced(id, reduce.generation(), reduce.step(), List.of(1L));
            case Action.Update update -> new Event.Staged(id, update.generation(), update.step(), new TreeMap<>());
            case Action.Save save -> new Event.Saved(id, save.generation(), save.step());
            default -> null;
        };
        if (answer instanceof Event.Computed computed && computed.step() >= until) {
            synchronized (held) {
                held.add(() -> tell(endpoint, answer));
            }
        } else if (answer != null) {
            tell(endpoint, answer);
        }
    }

    @Test void coordinatorThatIsInterruptedFinishesTheStepSavesAndEnds() throws Exception {
        var thread = new CompletableFuture<Thread>();
        List<Runnable> held = new ArrayList<>();
        try (Coordinator coordinator = coordinator(1); Endpoint _ = rank(11, coordinator, 2, held)) {
            CompletableFuture<String> ended = running(coordinator, thread);
            assertTrue(computing.await(60, TimeUnit.SECONDS), "step 2 begins");
            thread.join().interrupt();
            Thread.sleep(300);
            synchronized (held) {
                held.forEach(Runnable::run);
            }
            assertEquals("went well", ended.get(60, TimeUnit.SECONDS));
            assertEquals(2, coordinator.state().run().durable());
        }
    }

    @Test void runThatIsStoppedAndGoesBackBehindAStepThatIsLookedAtEnds() throws Exception {
        goesBack(List::getFirst);
    }

    @Test void runThatIsStoppedAndGoesBackEndsThoughTheOneWhoLooksIsThere() throws Exception {
        goesBack(List::getLast);
    }

    private void goesBack(Function<List<Member>, Member> lost) throws Exception {
        looked = 1;
        try (Coordinator coordinator = coordinator(2); Endpoint _ = rank(11, coordinator, 2, new ArrayList<>()); Endpoint _ = rank(12, coordinator, 2, new ArrayList<>())) {
            CompletableFuture<String> ended = running(coordinator, new CompletableFuture<>());
            assertTrue(computing.await(60, TimeUnit.SECONDS), "step 2 begins");
            coordinator.stop("asked to");
            coordinator.ended(lost.apply(coordinator.state().run().members()).pid(), "its process has ended");
            assertEquals("went well", ended.get(60, TimeUnit.SECONDS));
            assertEquals(0, coordinator.state().run().committed());
        }
    }
}
