package dev.xiaolu.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.xiaolu.comm.Endpoint;
import dev.xiaolu.comm.Message;
import dev.xiaolu.comm.RunKey;
import dev.xiaolu.comm.TransportException;
import dev.xiaolu.consensus.Replica;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A rank's line to two replicas, over real sockets.
@Timeout(60)
class LiaisonTest {
    private static final String HOST = "127.0.0.1";
    private static final long RANK = 9;

    private final RunKey key = RunKey.random();
    private final Desk first = new Desk(1), second = new Desk(2);
    private final Endpoint rank = Endpoint.open(HOST, 0, RANK, key, new Endpoint.Receiver() {
        @Override public void received(long from, Message message) {
            liaison.received(from, message);
        }

        @Override public void failed(long peer, TransportException why) {}
    });
    private final Liaison liaison = new Liaison(new Post(rank, null), new Replica(1, HOST, first.endpoint.port()), List.of(), true, new AtomicLong(), new AtomicLong());

    /// What comes to one replica.
    private final class Desk {
        final Endpoint endpoint;
        final List<String> events = new ArrayList<>();
        int beats;

        Desk(long id) {
            endpoint = Endpoint.open(HOST, 0, id, key, new Endpoint.Receiver() {
                @Override public void received(long from, Message message) {
                    hear(message);
                }

                @Override public void failed(long peer, TransportException why) {}
            });
        }

        private synchronized void hear(Message message) {
            if (message.kind() == Wire.EVENT) {
                events.add(Wire.number(message, 0) + " " + Lines.event(Wire.text(message)));
            }
            beats += message.kind() == Wire.BEAT ? 1 : 0;
        }

        synchronized List<String> events() {
            return List.copyOf(events);
        }

        synchronized int beats() {
            return beats;
        }

        void leads(long who, long term) {
            String lines = Liaison.line(new Replica(1, HOST, first.endpoint.port())) + "\n" + Liaison.line(new Replica(2, HOST, second.endpoint.port()));
            endpoint.send(RANK, Wire.numbered(Wire.LEADS, lines, who, term));
        }

        void counts(long number) {
            endpoint.send(RANK, Wire.numbers(Wire.HEARD, number));
        }
    }

    @AfterEach void close() {
        liaison.close();
        rank.close();
        first.endpoint.close();
        second.endpoint.close();
    }

    private static String said(int number) {
        return number + " " + new Event.Ready(RANK, number);
    }

    private static void await(java.util.function.BooleanSupplier isSo) throws InterruptedException {
        for (int i = 0; i < 5000 && !isSo.getAsBoolean(); i++) {
            Thread.sleep(5);
        }
        assertTrue(isSo.getAsBoolean());
    }

    @Test void whatDoesNotCountYetIsToldToTheNextLeaderInOrder() throws Exception {
        for (int i = 1; i <= 4; i++) {
            liaison.tell(new Event.Ready(RANK, i));
        }
        await(() -> first.events().size() == 4);
        first.leads(1, 1);
        first.counts(2);
        await(() -> liaison.isReplica(2));
        Thread.sleep(200);
        rank.know(2, HOST, second.endpoint.port());
        second.endpoint.know(RANK, HOST, rank.port());
        second.leads(2, 2);
        await(() -> second.events().size() == 2 && second.beats() > 0);
        assertEquals(List.of(said(3), said(4)), second.events());
        assertEquals(2, liaison.leader());
        liaison.tell(new Event.Ready(RANK, 5));
        await(() -> second.events().size() == 3);
        assertEquals(4, first.events().size());
    }

    @Test void oldLeaderIsNotBelievedAfterANewerTermAndOneWhoDoesNotLeadCountsNothing() throws Exception {
        liaison.tell(new Event.Ready(RANK, 1));
        first.leads(1, 1);
        await(() -> liaison.isReplica(2));
        second.endpoint.know(RANK, HOST, rank.port());
        second.leads(2, 5);
        await(() -> liaison.leader() == 2);
        first.leads(1, 4);
        first.counts(1);
        await(() -> second.events().size() == 1);
        Thread.sleep(200);
        assertEquals(2, liaison.leader());
        first.leads(1, 6);
        await(() -> first.events().size() == 2);
        assertEquals(List.of(said(1), said(1)), first.events(), "it does not count before the leader says so");
    }

    @Test void whileNobodyAnswersAllReplicasAreAskedWhoLeads() throws Exception {
        first.leads(1, 1);
        await(() -> liaison.isReplica(2));
        await(() -> second.beats() > 1);
        assertNull(liaison.lost());
    }
}
