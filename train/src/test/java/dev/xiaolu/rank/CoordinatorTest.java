package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.consensus.SingleLog;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Heartbeats;
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

    /// Nothing is sent to oneself here.
    private static final Endpoint.Receiver NOBODY = new Endpoint.Receiver() {
        @Override public void received(long from, Message message) {
            throw new IllegalStateException("a message to oneself");
        }

        @Override public void failed(long peer, TransportException why) {}
    };

    private final RunKey key = RunKey.random();
    private final CountDownLatch computing = new CountDownLatch(1);
    private volatile long looked = -1;

    @Override public void turned(Coordinator.Turned now) {
        if (now.state().run().committed() >= 1 && now.state() instanceof State.Computing) {
            computing.countDown();
        }
    }

    @Override public void ticked(State state, Ledger ledger, SortedMap<Long, Coordinator.Pulse> pulses, boolean speaks) {}

    @Override public void leads(boolean now) {}

    @Override public void fence(Member member, String why) {}

    @Override public long wholeBefore(long step) {
        return -1;
    }

    @Override public void closes(State state, Ledger ledger) {}

    private final Ledger.Rules rules = new Ledger.Rules() {
        @Override public boolean looks(long step) {
            return step == looked;
        }

        @Override public String spike(String about, long step, List<Long> totals, List<Ledger.Row> before) {
                return null;
            }

            @Override public String fault(String about, long step, List<Long> totals, String where, long durable) {
            return null;
        }
    };

    /// A coordinator that stands alone, and where it listens.
    private final class Alone implements AutoCloseable {
        final Endpoint endpoint;
        final Coordinator coordinator;

        Alone(int wanted) {
            var door = new CompletableFuture<Coordinator>();
            endpoint = Endpoint.open("127.0.0.1", 0, 2, key, new Endpoint.Receiver() {
                @Override public void received(long from, Message message) {
                    door.join().received(from, message);
                }

                @Override public void failed(long peer, TransportException why) {}
            });
            var settings = new Settings(wanted, 1, 1, 0, true, new TreeMap<>(), PLAN);
            coordinator = new Coordinator(new Post(endpoint, NOBODY), new Coordinator.Task(settings, rules, new Heartbeats(60_000, 60_000), 60_000, UnaryOperator.identity()),
                    Ledger.of(0, DigestChain.START, new TreeMap<>()), CoordinatorTest.this);
            coordinator.opens(null, listener -> new SingleLog(2, listener));
            door.complete(coordinator);
        }

        @Override public void close() {
            coordinator.close();
            endpoint.close();
        }
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
    private Endpoint rank(long id, Alone alone, long until, List<Runnable> held) {
        var self = new CompletableFuture<Endpoint>();
        Endpoint endpoint = Endpoint.open("127.0.0.1", 0, id, key, new Endpoint.Receiver() {
            @Override public void received(long from, Message message) {
                if (message.kind() == Wire.ORDER) {
                    answer(id, self.join(), Lines.action(Wire.text(message).lines().findFirst().orElseThrow()), until, held);
                }
            }

            @Override public void failed(long peer, TransportException why) {}
        });
        self.complete(endpoint);
        endpoint.know(2, "127.0.0.1", alone.endpoint.port());
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
        try (var alone = new Alone(1); Endpoint _ = rank(11, alone, 2, held)) {
            Coordinator coordinator = alone.coordinator;
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
        try (var alone = new Alone(2); Endpoint _ = rank(11, alone, 2, new ArrayList<>()); Endpoint _ = rank(12, alone, 2, new ArrayList<>())) {
            Coordinator coordinator = alone.coordinator;
            CompletableFuture<String> ended = running(coordinator, new CompletableFuture<>());
            assertTrue(computing.await(60, TimeUnit.SECONDS), "step 2 begins");
            coordinator.stop("asked to");
            coordinator.ended(lost.apply(coordinator.state().run().members()).pid(), "its process has ended");
            assertEquals("went well", ended.get(60, TimeUnit.SECONDS));
            assertEquals(0, coordinator.state().run().committed());
        }
    }
}
