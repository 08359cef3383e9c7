package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.recover.Event;
import io.microraft.model.impl.DefaultRaftModelFactory;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Three replicas in one process over real sockets, of which some are killed, cut off or replaced.
@Timeout(600)
class ReplicatedLogTest {
    private static Trio<Recorder> trio() throws Exception {
        return trio(options -> options);
    }

    private static Trio<Recorder> trio(UnaryOperator<ReplicatedLog.Options> options) throws Exception {
        return new Trio<>(_ -> new Recorder(), options);
    }

    private static void append(Trio<Recorder>.One one, int from, int to) {
        for (int i = from; i < to; i++) {
            one.log.append(Trio.event(i, "at " + one.id));
        }
    }

    private static void awaitCount(Trio<Recorder> trio, int count) {
        trio.living().forEach(one -> Trio.await("%s has %d events, wanted %d".formatted(one.log, one.listener.applied().size(), count), () -> one.listener.applied().size() >= count));
        trio.living().forEach(one -> assertEquals(count, one.listener.applied().size()));
    }

    private static List<Long> numbers(Recorder recorder, String from) {
        return recorder.applied().stream().map(each -> (Event.Lost) each.event()).filter(each -> each.why().equals(from)).map(Event.Lost::id).toList();
    }

    @Test void whoIsAskedToLeadDoesAndNothingIsLost() throws Exception {
        try (var trio = trio()) {
            for (int round = 0; round < 3; round++) {
                var leader = trio.leader();
                var next = trio.all.get((trio.all.indexOf(leader) + 1) % 3);
                append(trio.all.get(0), round * 50, round * 50 + 50);
                leader.log.handOver(next.id).get(Trio.PATIENCE_SECONDS, TimeUnit.SECONDS);
                assertEquals(next.id, trio.leader().id);
            }
            awaitCount(trio, 150);
            Trio.assertOneOrder(trio);
        }
    }

    @Test void allApplyTheSameInOneOrderWhichKeepsThatOfEachWhoAppends() throws Exception {
        try (var trio = trio()) {
            for (int i = 0; i < 3; i++) {
                append(trio.all.get(i), 0, 200);                         // before anybody leads
            }
            trio.leader();
            List<Thread> threads = trio.all.stream().map(one -> Thread.ofVirtual().start(() -> append(one, 200, 1000))).toList();
            for (Thread thread : threads) {
                thread.join();
            }
            awaitCount(trio, 3000);
            for (var one : trio.all) {
                for (var from : trio.all) {
                    assertEquals(IntStream.range(0, 1000).mapToObj(Long::valueOf).toList(), numbers(one.listener, "at " + from.id));
                }
                assertTrue(one.listener.snapshots() + one.listener.restores() > 0, "the log was never cut");
                assertEquals(0, one.log.refused());
            }
            assertEquals(1, trio.all.stream().filter(one -> one.listener.leads()).count());
            Trio.assertOneOrder(trio);
        }
    }

    @Test void whenTheLeaderDiesAnotherLeadsSoonAndNothingAppendedElsewhereIsLost() throws Exception {
        var millis = new ArrayList<Long>();
        for (int round = 0; round < 3; round++) {
            try (var trio = trio()) {
                var old = trio.leader();
                long term = old.log.term();
                trio.all.forEach(one -> append(one, 0, 50));
                awaitCount(trio, 150);
                Trio.await("leading is told", old.listener::leads);
                trio.all.forEach(one -> append(one, 50, 60));            // some of which are on their way
                long begin = System.nanoTime();
                old.kill();
                assertEquals(Endpoint.NOBODY, old.log.leader());
                trio.living().forEach(one -> append(one, 60, 100));
                var next = trio.leader();
                Trio.await("the next one is told to lead", next.listener::leads);
                millis.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin));
                assertTrue(next.log.term() > term);
                Trio.await("all is applied", () -> trio.living().stream().allMatch(one -> trio.living().stream().allMatch(from -> numbers(one.listener, "at " + from.id).size() == 100)));
                List<Long> ofTheDead = numbers(next.listener, "at " + old.id);
                assertEquals(IntStream.range(0, ofTheDead.size()).mapToObj(Long::valueOf).toList(), ofTheDead, "a gap");
                assertTrue(ofTheDead.size() >= 50);
                Trio.assertOneOrder(trio);
            }
        }
        System.out.println("leader killed, next one leads after " + millis + " ms");
        assertTrue(millis.stream().mapToLong(each -> each).min().orElseThrow() < 1500, () -> "never within 1500 ms: " + millis);
    }

    @Test void whatALeaderTakesWhileItIsCutOffCountsOnceItIsBack() throws Exception {
        try (var trio = trio()) {
            var old = trio.leader();
            trio.all.forEach(one -> append(one, 0, 20));
            awaitCount(trio, 60);
            trio.cutOff(old, true);
            append(old, 20, 70);
            List<Trio<Recorder>.One> rest = trio.all.stream().filter(one -> one != old).toList();
            var next = trio.leader(rest);
            assertNotEquals(old, next);
            rest.forEach(one -> append(one, 20, 70));
            rest.forEach(one -> Trio.await("the others go on", () -> one.listener.applied().size() == 160));
            assertEquals(60, old.listener.applied().size());
            Trio.await("who is cut off no longer leads", () -> !old.listener.leads() && old.log.leader() == Endpoint.NOBODY);
            trio.cutOff(old, false);
            awaitCount(trio, 210);
            Trio.assertOneOrder(trio);
            trio.cutOff(trio.leader(), true);                            // and with the least possible number of messages once more
            trio.cutOff(trio.all.getFirst(), true);
            trio.all.forEach(one -> append(one, 70, 80));
            trio.all.forEach(one -> trio.cutOff(one, false));
            awaitCount(trio, 240);
            Trio.assertOneOrder(trio);
        }
    }

    @Test void followersThatWereCutOffForAWhileChooseALeaderWhenTheirsDies() throws Exception {
        try (var trio = trio()) {
            var leader = trio.leader();
            for (var one : trio.all) {
                if (one != leader) {
                    trio.cutOff(one, true);
                    Trio.await("it has missed its leader", () -> one.log.leader() == Endpoint.NOBODY);
                    Thread.sleep(100);
                    trio.cutOff(one, false);
                    Trio.await("it has found its leader", () -> one.log.leader() == leader.id);
                }
            }
            trio.leader().kill();
            trio.living().forEach(one -> append(one, 0, 10));
            trio.leader();
            awaitCount(trio, 20);
            Trio.assertOneOrder(trio);
        }
    }

    @Test void aLeaderOfMoreThatDoesNotCountThanTheOthersHaveSinceComesBackByASnapshot() throws Exception {
        try (var trio = trio(options -> options.withSnapshotEvery(20))) {
            var old = trio.leader();
            append(old, 0, 19);
            awaitCount(trio, 19);
            trio.cutOff(old, true);
            append(old, 19, 119);                                        // into its log, beyond the snapshot that it will be given
            List<Trio<Recorder>.One> rest = trio.all.stream().filter(one -> one != old).toList();
            trio.leader(rest);
            rest.forEach(one -> append(one, 0, 20));
            rest.forEach(one -> Trio.await("the others go on", () -> one.listener.applied().size() == 59));
            Trio.await("who is cut off no longer leads", () -> old.log.leader() == Endpoint.NOBODY);
            trio.cutOff(old, false);
            awaitCount(trio, 159);
            assertTrue(old.listener.restores() > 0);
            rest.getFirst().kill();                                      // so that it is needed
            append(rest.getLast(), 20, 40);
            awaitCount(trio, 179);
            Trio.assertOneOrder(trio);
        }
    }

    @Test void aLeaderWhoseLogWasCutAndThenWentOnAloneComesBack() throws Exception {
        try (var trio = trio(options -> options.withSnapshotEvery(20))) {
            var old = trio.leader();
            var late = trio.all.stream().filter(one -> one != old).findFirst().orElseThrow();
            append(old, 0, 5);
            awaitCount(trio, 5);
            trio.cutOff(late, true);                                     // far behind, so that the leader cuts its log right at the snapshot
            append(old, 5, 19);
            Trio.await("the snapshot", () -> old.listener.snapshots() == 1);
            trio.cutOff(late, false);
            awaitCount(trio, 19);
            trio.leader();
            trio.cutOff(old, true);
            append(old, 19, 29);
            List<Trio<Recorder>.One> rest = trio.all.stream().filter(one -> one != old).toList();
            trio.leader(rest);
            rest.forEach(one -> append(one, 0, 2));
            rest.forEach(one -> Trio.await("the others go on", () -> one.listener.applied().size() == 23));
            Trio.await("who is cut off no longer leads", () -> old.log.leader() == Endpoint.NOBODY);
            trio.cutOff(old, false);
            awaitCount(trio, 33);
            assertEquals(0, old.listener.restores());
            Trio.assertOneOrder(trio);
        }
    }

    @Test void aFollowersAnswerToAnOlderTermDoesNotCount() throws Exception {
        try (var trio = trio(options -> options.withPatience(Duration.ofMillis(100), Duration.ofMinutes(2)))) {
            var leader = trio.leader();
            append(leader, 0, 3);
            awaitCount(trio, 3);
            trio.all.forEach(one -> trio.cutOff(one, true));
            append(leader, 3, 6);
            var follower = trio.all.stream().filter(one -> one != leader).findFirst().orElseThrow();
            for (long term : new long[] {leader.log.term() - 1, leader.log.term()}) {
                Thread.sleep(300);
                assertEquals(3, leader.listener.applied().size());
                assertTrue(leader.log.received(follower.id, answer((int) term, 7)));         // the marker of the term and six events
            }
            Trio.await("one of this term counts", () -> leader.listener.applied().size() == 6);
        }
    }

    private static Message answer(int term, long lastLogIndex) {
        var sender = Seat.of(0);
        return new Message(ReplicatedLog.KIND, new byte[0], MemorySegment.ofArray(RaftBytes.of(new DefaultRaftModelFactory().createAppendEntriesSuccessResponseBuilder()
                .setGroupId(RaftBytes.GROUP).setSender(sender).setTerm(term).setLastLogIndex(lastLogIndex).setQuerySequenceNumber(0).setFlowControlSequenceNumber(0).build())));
    }

    @Test void anotherPlaceForSnapshotsIsToldAndNotTaken() throws Exception {
        var every = new AtomicInteger(19);
        try (var trio = trio(options -> options.withSnapshotEvery(every.get()))) {
            var leader = trio.leader();
            append(leader, 0, 100);
            awaitCount(trio, 100);
            every.set(20);
            var gone = trio.all.stream().filter(one -> one != leader).findFirst().orElseThrow();
            gone.kill();
            var fresh = trio.join();
            leader.log.replace(gone.id, fresh.replica());
            Trio.await("the fault is told", () -> fresh.listener.failures().size() == 1);
            assertTrue(fresh.listener.failures().getFirst().getMessage().endsWith("has options for a snapshot every 20 entries, the leader has others: its snapshot is of 95"),
                    fresh.listener.failures().toString());
            append(leader, 100, 110);
            Trio.await("the others go on", () -> leader.listener.applied().size() == 110);
        }
    }

    @Test void whoComesWithNothingGetsASnapshotAndThenTheVoteOfTheOneThatIsGone() throws Exception {
        try (var trio = trio(options -> options.withSnapshotEvery(40))) {
            int events = 0;
            for (int round = 0; round < 3; round++) {
                var leader = trio.leader();
                var gone = round % 2 == 0 ? leader : trio.living().stream().filter(one -> one != leader).findFirst().orElseThrow();
                gone.kill();
                var now = trio.leader();
                for (var one : trio.living()) {
                    append(one, events, events + 100);
                }
                events += 100;
                for (var one : trio.living()) {
                    int wanted = events;
                    String from = "at " + one.id;
                    Trio.await(from, () -> now.listener.count(event -> ((Event.Lost) event).why().equals(from)) >= 100 && numbers(now.listener, from).getLast() == wanted - 1);
                }
                var fresh = trio.join();
                now.log.replace(gone.id, fresh.replica()).get(Trio.PATIENCE_SECONDS, TimeUnit.SECONDS);
                assertTrue(fresh.listener.restores() > 0, "came by a snapshot");
                assertEquals(trio.living().stream().map(one -> one.id).toList(), now.log.members(true).stream().map(Replica::id).sorted().toList());
                now.log.replace(gone.id, fresh.replica()).get(Trio.PATIENCE_SECONDS, TimeUnit.SECONDS);        // asked again, it is done
                fresh.log.append(Trio.event(0, "fresh " + fresh.id));
                Trio.await("all have the same", () -> trio.living().stream().allMatch(one -> one.listener.count(event -> ((Event.Lost) event).why().startsWith("fresh")) >= 1
                        && one.listener.applied().equals(now.listener.applied())));
                Trio.assertOneOrder(trio);
            }
            assertEquals(6, trio.all.size());
            var follower = trio.living().stream().filter(one -> one.log.leader() != one.id).findFirst().orElseThrow();
            var refused = assertThrows(ExecutionException.class, () -> follower.log.replace(1, new Replica(99, "127.0.0.1", 1)).get());
            assertTrue(refused.getCause().toString().contains("NotLeader"), refused.toString());
        }
    }

    @Test void whoDiesWhileItLearnsIsLeftOutByTheNextExchange() throws Exception {
        try (var trio = trio()) {
            var leader = trio.leader();
            var gone = trio.all.stream().filter(one -> one != leader).findFirst().orElseThrow();
            gone.kill();
            append(leader, 0, 50);
            for (int i = 0; i < 3; i++) {                                // the library lets two learn at once
                var never = trio.join();
                never.kill();
                var exchange = leader.log.replace(gone.id, never.replica());
                Trio.await("it is one of them", () -> leader.log.members(false).contains(never.replica()));
                assertEquals(3, leader.log.members(true).size());
                exchange.cancel(false);
            }
            var fresh = trio.join();
            var waits = leader.log.replace(gone.id, fresh.replica());
            waits.get(Trio.PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertEquals(trio.living().stream().map(one -> one.id).toList(), leader.log.members(false).stream().map(Replica::id).sorted().toList());
            leader.kill();                                               // so that the fresh one's vote is needed
            append(fresh, 0, 20);
            trio.living().forEach(one -> Trio.await("all", () -> numbers(one.listener, "at " + fresh.id).size() == 20 && numbers(one.listener, "at " + leader.id).size() == 50));
            var abandoned = trio.leader().log.replace(leader.id, new Replica(99, "127.0.0.1", 1));
            trio.leader().kill();
            assertTrue(abandoned.isCancelled());
            Trio.assertOneOrder(trio);
        }
    }

    @Test void withoutMoreThanHalfNothingCountsAndNothingIsForgotten() throws Exception {
        try (var trio = trio()) {
            var leader = trio.leader();
            trio.all.forEach(one -> trio.cutOff(one, true));
            trio.all.forEach(one -> append(one, 0, 30));
            Trio.await("nobody leads", () -> trio.all.stream().noneMatch(one -> one.listener.leads()) && leader.log.leader() == Endpoint.NOBODY);
            Thread.sleep(300);
            trio.all.forEach(one -> assertEquals(0, one.listener.applied().size()));
            trio.all.forEach(one -> trio.cutOff(one, false));
            awaitCount(trio, 90);
            Trio.assertOneOrder(trio);
        }
    }

    @Test void whatNoReplicaWouldSayIsLeftAside() throws Exception {
        try (var trio = trio()) {
            var leader = trio.leader();
            var random = new Random(7);
            try (var stranger = Endpoint.open("127.0.0.1", 0, 77, trio.key, new Endpoint.Receiver() {
                @Override public void received(long from, Message message) {}

                @Override public void failed(long peer, TransportException why) {}
            })) {
                trio.all.forEach(one -> stranger.know(one.id, "127.0.0.1", one.endpoint.port()));
                for (int i = 0; i < 300; i++) {
                    byte[] bytes = new byte[random.nextInt(200)];
                    random.nextBytes(bytes);
                    if (bytes.length > 8) {                              // begins as something would, and goes on as nothing does
                        System.arraycopy(new Bytes.Out().put(i % 13 == 0 ? 100 : i % 13).put(Integer.MAX_VALUE).array(), 0, bytes, 0, 8);
                    }
                    for (var one : trio.all) {
                        stranger.send(one.id, new Message(ReplicatedLog.KIND, new byte[random.nextInt(2)], MemorySegment.ofArray(bytes)));
                    }
                }
                byte[] noEvent = new Bytes.Out().put(100).list(List.of("Lost id=1 why=\"x"), (out, line) -> out.put(1L).put(line)).array();
                stranger.send(leader.id, new Message(ReplicatedLog.KIND, new byte[0], MemorySegment.ofArray(noEvent)));
                assertTrue(stranger.drain(leader.id, Duration.ofSeconds(Trio.PATIENCE_SECONDS)));
            }
            Trio.await("refused", () -> leader.log.refused() == 301);
            trio.all.forEach(one -> append(one, 0, 30));
            awaitCount(trio, 90);
            Trio.assertOneOrder(trio);
        }
    }

    @Test void aListenerThatBreaksEndsItsReplicaAndTheOthersGoOn() throws Exception {
        try (var trio = new Trio<>(id -> new Recorder(id == 2 ? 7 : Integer.MAX_VALUE), options -> options)) {
            trio.leader();
            var broken = trio.all.get(1);
            append(trio.all.get(0), 0, 20);
            Trio.await("the failure is told", () -> broken.listener.failures().size() == 1);
            assertEquals("enough of it", broken.listener.failures().getFirst().getMessage());
            append(broken, 20, 30);                                      // after the end nothing happens
            append(trio.all.get(2), 0, 20);
            for (int i : new int[] {0, 2}) {
                Trio.await("the others go on", () -> trio.all.get(i).listener.applied().size() == 40);
            }
            assertEquals(7, broken.listener.applied().size());
            assertTrue(trio.all.get(2).log.term() < 100);
        }
    }

    @Test void messagesOfOtherKindsAreNotTheLogs() throws Exception {
        try (var trio = trio()) {
            assertFalse(trio.all.getFirst().log.received(3, Message.of(ReplicatedLog.KIND + 1)));
            assertEquals(0, trio.all.getFirst().log.refused());
            assertTrue(trio.all.getFirst().log.received(3, Message.of(ReplicatedLog.KIND)));
            assertEquals(1, trio.all.getFirst().log.refused());
        }
    }

    @Test void largeEventsPassAndTooLargeOnesAreRefused() throws Exception {
        try (var trio = trio(options -> options.withSnapshotEvery(5))) {
            trio.leader();
            for (int i = 0; i < 12; i++) {
                trio.all.get(i % 3).log.append(new Event.Stop("x".repeat(i % 4 == 0 ? 3 << 20 : 300_000) + i));
            }
            awaitCount(trio, 12);
            Trio.assertOneOrder(trio);
            var refused = assertThrows(IllegalArgumentException.class, () -> trio.all.getFirst().log.append(new Event.Stop("x".repeat(EventLog.MAX_EVENT_BYTES))));
            assertTrue(refused.getMessage().startsWith("event Stop: its line has 16777227 bytes, wanted at most 16777216"), refused.getMessage());
        }
    }
}
