package dev.xiaolu.consensus;

import dev.xiaolu.consensus.Bytes.In;
import dev.xiaolu.consensus.Bytes.Out;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Lines;
import io.microraft.RaftEndpoint;
import io.microraft.RaftNode;
import io.microraft.report.RaftTerm;
import io.microraft.statemachine.StateMachine;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/// What every replica does with what was agreed upon: counts each event once, hands it to the listener's thread, and says when this replica leads. Called on the replica's thread alone.
final class Machine implements StateMachine {
    private static final int MOST_ORIGINS = 1 << 16;
    private static final byte[] NOTHING = {};

    private final long self;
    private final int snapshotEvery;
    private final Applier applier;
    private final EventLog.Listener listener;
    private final LongConsumer ownCounts;
    private RaftNode node;
    private int term, leading;                                           // `leading` is the term in which the listener believes to lead, 0 if it does not
    private TreeMap<Long, Long> counted = new TreeMap<>();               // origin: the number of its newest event that counts

    /// @param ownCounts told the number of each event of this replica that counts
    Machine(long self, int snapshotEvery, Applier applier, EventLog.Listener listener, LongConsumer ownCounts) {
        this.self = self;
        this.snapshotEvery = snapshotEvery;
        this.applier = applier;
        this.listener = listener;
        this.ownCounts = ownCounts;
    }

    void of(RaftNode theNode) {
        node = theNode;
    }

    /// The newest number of that replica that counts, 0 if none does.
    long counted(long origin) {
        return counted.getOrDefault(origin, 0L);
    }

    /// Whether this replica leads, as the library sees it, in this term.
    private boolean leads(int inTerm) {
        RaftTerm now = node.getTerm();
        RaftEndpoint leader = now.getLeaderEndpoint();
        return now.getTerm() == inTerm && leader != null && Seat.of(leader).id() == self;
    }

    /// After a change of roles.
    void roleChanged() {
        if (leading != 0 && !leads(leading)) {
            leading = 0;
            applier.add(listener::following);
        }
    }

    @Override public Object getNewTermOperation() {
        return new Operation.NewTerm(node.getTerm().getTerm(), self);
    }

    @Override public Object runOperation(long index, Object operation) {
        switch ((Operation) operation) {
            case Operation.NewTerm(int next, long leader) -> {
                term = next;
                if (leader == self && leads(next)) {
                    leading = next;
                    applier.add(() -> listener.leading(next));
                }
            }
            case Operation.Appended(long origin, long number, byte[] line) -> {
                if (number == counted(origin) + 1) {                     // else it has come before, or one before it is still to come and both will be offered again
                    counted.put(origin, number);
                    int its = term;
                    applier.add(() -> listener.applied(index, its, event(line)));
                    if (origin == self) {
                        ownCounts.accept(number);
                    }
                }
            }
        }
        return null;
    }

    /// Every line in the log was read by a leader before it was written down.
    static Event event(byte[] line) {
        return Lines.event(new String(line, StandardCharsets.UTF_8));
    }

    @Override public void takeSnapshot(long index, Consumer<Object> chunks) {
        byte[] own = Objects.requireNonNullElse(applier.ask(listener::snapshot), NOTHING);      // at the end, when nobody will ask for it
        byte[] all = new Out().put(term).list(counted.entrySet(), (out, entry) -> out.put(entry.getKey()).put(entry.getValue())).put(own).array();
        if (all.length > (long) RaftBytes.CHUNK_BYTES * RaftBytes.MOST_CHUNKS) {
            throw new IllegalStateException("snapshot of the log: has %d bytes, wanted at most %d".formatted(all.length, (long) RaftBytes.CHUNK_BYTES * RaftBytes.MOST_CHUNKS));
        }
        for (int from = 0; from < all.length; from += RaftBytes.CHUNK_BYTES) {
            chunks.accept(Arrays.copyOfRange(all, from, Math.min(all.length, from + RaftBytes.CHUNK_BYTES)));
        }
    }

    @Override public void installSnapshot(long index, List<Object> chunks) {
        if (index % snapshotEvery != 0) {                                // the library would lose its place in the log
            applier.add(() -> {
                throw new IllegalStateException("replica %d of the log: has options for a snapshot every %d entries, the leader has others: its snapshot is of %d".formatted(self, snapshotEvery, index));
            });
            return;
        }
        int size = chunks.stream().mapToInt(chunk -> ((byte[]) chunk).length).sum();
        var all = ByteBuffer.allocate(size);
        chunks.forEach(chunk -> all.put((byte[]) chunk));
        var in = new In(all.flip());
        term = in.number(Integer.MAX_VALUE);
        var read = new TreeMap<Long, Long>();
        in.list(MOST_ORIGINS, entry -> read.put(entry.anyLong(), entry.number()));
        byte[] own = in.array(size);
        in.end();
        counted = read;
        ownCounts.accept(counted(self));
        applier.add(() -> listener.restore(own));
    }
}
