package dev.xiaolu.consensus;

import static dev.xiaolu.platform.Check.check;

import dev.xiaolu.consensus.Bytes.In;
import dev.xiaolu.consensus.Bytes.Out;
import io.microraft.MembershipChangeMode;
import io.microraft.RaftEndpoint;
import io.microraft.model.RaftModelFactory;
import io.microraft.model.groupop.UpdateRaftGroupMembersOp;
import io.microraft.model.impl.DefaultRaftModelFactory;
import io.microraft.model.log.LogEntry;
import io.microraft.model.log.RaftGroupMembersView;
import io.microraft.model.log.SnapshotChunk;
import io.microraft.model.message.AppendEntriesFailureResponse;
import io.microraft.model.message.AppendEntriesRequest;
import io.microraft.model.message.AppendEntriesSuccessResponse;
import io.microraft.model.message.InstallSnapshotRequest;
import io.microraft.model.message.InstallSnapshotResponse;
import io.microraft.model.message.PreVoteRequest;
import io.microraft.model.message.PreVoteResponse;
import io.microraft.model.message.RaftMessage;
import io.microraft.model.message.TriggerLeaderElectionRequest;
import io.microraft.model.message.VoteRequest;
import io.microraft.model.message.VoteResponse;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/// The library's messages as bytes: `int` type, `int` term, and what the type holds. The sender is not among it: the transport has proved who it is.
final class RaftBytes {
    /// Of one group all messages; it is never sent.
    static final String GROUP = "xiaolu";

    /// Entries of one message; more wait for the next one, so that most messages are small ones to the transport. At least one entry goes.
    static final int BATCH_BYTES = 768 << 10;
    static final int CHUNK_BYTES = 512 << 10;
    static final int MOST_CHUNKS = 4096, MOST_MEMBERS = 64, MOST_ENTRIES = 1 << 16;

    private static final int PRE_VOTE = 1, PRE_VOTED = 2, VOTE = 3, VOTED = 4, APPEND = 5, APPENDED = 6, NOT_APPENDED = 7, INSTALL = 8, WANT_CHUNK = 9, LEAD = 10;
    private static final int NEW_TERM = 1, EVENT = 2, MEMBERS = 3;
    private static final RaftModelFactory MODEL = new DefaultRaftModelFactory();

    private RaftBytes() {}

    static byte[] of(RaftMessage message) {
        var out = new Out();
        switch (message) {
            case PreVoteRequest m -> begin(out, PRE_VOTE, m).put(m.getLastLogTerm()).put(m.getLastLogIndex());
            case PreVoteResponse m -> begin(out, PRE_VOTED, m).put(m.isGranted());
            case VoteRequest m -> begin(out, VOTE, m).put(m.getLastLogTerm()).put(m.getLastLogIndex()).put(m.isSticky());
            case VoteResponse m -> begin(out, VOTED, m).put(m.isGranted());
            case AppendEntriesRequest m -> {
                begin(out, APPEND, m).put(m.getPreviousLogTerm()).put(m.getPreviousLogIndex()).put(m.getCommitIndex()).put(m.getQuerySequenceNumber())
                        .put(m.getFlowControlSequenceNumber());
                out.list(batch(m.getLogEntries()), RaftBytes::entry);
            }
            case AppendEntriesSuccessResponse m -> begin(out, APPENDED, m).put(m.getLastLogIndex()).put(m.getQuerySequenceNumber()).put(m.getFlowControlSequenceNumber());
            case AppendEntriesFailureResponse m -> begin(out, NOT_APPENDED, m).put(m.getExpectedNextIndex()).put(m.getQuerySequenceNumber()).put(m.getFlowControlSequenceNumber());
            case InstallSnapshotRequest m -> {
                begin(out, INSTALL, m).put(m.isSenderLeader()).put(m.getSnapshotTerm()).put(m.getSnapshotIndex()).put(m.getTotalSnapshotChunkCount());
                out.put(m.getQuerySequenceNumber()).put(m.getFlowControlSequenceNumber()).list(m.getSnapshottedMembers(), RaftBytes::seat);
                view(out, m.getGroupMembersView());
                SnapshotChunk chunk = m.getSnapshotChunk();
                out.put(chunk != null);
                if (chunk != null) {
                    out.put(chunk.getSnapshotChunkIndex()).put((byte[]) chunk.getOperation());
                }
            }
            case InstallSnapshotResponse m -> begin(out, WANT_CHUNK, m).put(m.getSnapshotIndex()).put(m.getRequestedSnapshotChunkIndex()).put(m.getQuerySequenceNumber())
                    .put(m.getFlowControlSequenceNumber());
            case TriggerLeaderElectionRequest m -> begin(out, LEAD, m).put(m.getLastLogTerm()).put(m.getLastLogIndex());
            default -> throw new IllegalArgumentException("message of the log: " + message.getClass() + " has no form in bytes");
        }
        return out.array();
    }

    private static Out begin(Out out, int type, RaftMessage message) {
        return out.put(type).put(message.getTerm());
    }

    private static List<LogEntry> batch(List<LogEntry> entries) {
        var batch = new ArrayList<LogEntry>();
        long bytes = 0;
        for (LogEntry entry : entries) {
            bytes += entry.getOperation() instanceof Operation.Appended appended ? 64 + appended.line().length : 64 << 10;
            if (!batch.isEmpty() && bytes > BATCH_BYTES) {
                break;
            }
            batch.add(entry);
        }
        return batch;
    }

    private static void entry(Out out, LogEntry entry) {
        out.put(entry.getTerm()).put(entry.getIndex());
        switch (entry.getOperation()) {
            case Operation.NewTerm(int term, long leader) -> out.put(NEW_TERM).put(term).put(leader);
            case Operation.Appended appended -> appended(out.put(EVENT).put(appended.origin()), appended);
            case UpdateRaftGroupMembersOp change -> {
                out.put(MEMBERS).list(change.getMembers(), RaftBytes::seat).list(change.getVotingMembers(), RaftBytes::seat);
                seat(out, change.getEndpoint());
                out.put(change.getMode().ordinal());
            }
            case Object other -> throw new IllegalArgumentException("entry of the log: " + other.getClass() + " has no form in bytes");
        }
    }

    /// Number and line; the origin is written elsewhere.
    static void appended(Out out, Operation.Appended appended) {
        out.put(appended.number()).put(appended.line());
    }

    static Operation.Appended appended(In in, long origin) {
        return new Operation.Appended(origin, in.number(), in.array(EventLog.MAX_EVENT_BYTES));
    }

    private static void seat(Out out, RaftEndpoint endpoint) {
        Replica replica = Seat.of(endpoint).replica();
        out.put(replica.id()).put(replica.host()).put(replica.port());
    }

    private static RaftEndpoint seat(In in) {
        return new Seat(new Replica(in.anyLong(), in.string(Replica.MOST_HOST_BYTES), in.number(0xffff)));
    }

    private static Collection<RaftEndpoint> seats(In in) {
        return in.list(MOST_MEMBERS, RaftBytes::seat);
    }

    private static void view(Out out, RaftGroupMembersView view) {
        out.put(view.getLogIndex()).list(view.getMembers(), RaftBytes::seat).list(view.getVotingMembers(), RaftBytes::seat);
    }

    private static RaftGroupMembersView view(In in) {
        return MODEL.createRaftGroupMembersViewBuilder().setLogIndex(in.number()).setMembers(seats(in)).setVotingMembers(seats(in)).build();
    }

    private static LogEntry entry(In in) {
        int term = in.number(Integer.MAX_VALUE);
        long index = in.number();
        int kind = in.anyInt();
        Object operation = switch (kind) {
            case NEW_TERM -> new Operation.NewTerm(in.number(Integer.MAX_VALUE), in.anyLong());
            case EVENT -> appended(in, in.anyLong());
            case MEMBERS -> MODEL.createUpdateRaftGroupMembersOpBuilder().setMembers(seats(in)).setVotingMembers(seats(in)).setEndpoint(seat(in))
                    .setMode(MembershipChangeMode.values()[in.number(MembershipChangeMode.values().length - 1)]).build();
            default -> throw new IllegalArgumentException("entry of the log: kind %d, wanted 1 to 3".formatted(kind));
        };
        return MODEL.createLogEntryBuilder().setTerm(term).setIndex(index).setOperation(operation).build();
    }

    private static List<LogEntry> entries(In in, long previousIndex) {
        List<LogEntry> entries = in.list(MOST_ENTRIES, RaftBytes::entry);
        for (int i = 0; i < entries.size(); i++) {
            check(entries.get(i).getIndex() == previousIndex + 1 + i, "entries of the log: found index %d at place %d after %d", entries.get(i).getIndex(), i, previousIndex);
        }
        return entries;
    }

    /// Reads what [#of] wrote; what is none is an [IllegalArgumentException] or a [java.nio.BufferUnderflowException].
    static RaftMessage read(In in, long from) {
        RaftMessage message = message(in, Seat.of(from));
        in.end();
        return message;
    }

    private static RaftMessage message(In in, Seat from) {
        int type = in.anyInt(), term = in.number(Integer.MAX_VALUE);
        return switch (type) {
            case PRE_VOTE -> MODEL.createPreVoteRequestBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setLastLogTerm(in.number(term)).setLastLogIndex(in.number()).build();
            case PRE_VOTED -> MODEL.createPreVoteResponseBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setGranted(in.flag()).build();
            case VOTE -> MODEL.createVoteRequestBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setLastLogTerm(in.number(term)).setLastLogIndex(in.number())
                    .setSticky(in.flag()).build();
            case VOTED -> MODEL.createVoteResponseBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setGranted(in.flag()).build();
            case APPEND -> {
                int previousTerm = in.number(term);
                long previousIndex = in.number();
                yield MODEL.createAppendEntriesRequestBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setPreviousLogTerm(previousTerm).setPreviousLogIndex(previousIndex)
                        .setCommitIndex(in.number()).setQuerySequenceNumber(in.number()).setFlowControlSequenceNumber(in.number()).setLogEntries(entries(in, previousIndex)).build();
            }
            case APPENDED -> MODEL.createAppendEntriesSuccessResponseBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setLastLogIndex(in.number())
                    .setQuerySequenceNumber(in.number()).setFlowControlSequenceNumber(in.number()).build();
            case NOT_APPENDED -> MODEL.createAppendEntriesFailureResponseBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setExpectedNextIndex(in.number())
                    .setQuerySequenceNumber(in.number()).setFlowControlSequenceNumber(in.number()).build();
            case INSTALL -> install(in, from, term);
            case WANT_CHUNK -> MODEL.createInstallSnapshotResponseBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setSnapshotIndex(in.number())
                    .setRequestedSnapshotChunkIndex(in.number(MOST_CHUNKS - 1)).setQuerySequenceNumber(in.number()).setFlowControlSequenceNumber(in.number()).build();
            case LEAD -> MODEL.createTriggerLeaderElectionRequestBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setLastLogTerm(in.number(term))
                    .setLastLogIndex(in.number()).build();
            default -> throw new IllegalArgumentException("message of the log: type %d, wanted 1 to 10".formatted(type));
        };
    }

    private static RaftMessage install(In in, Seat from, int term) {
        boolean isLeader = in.flag();
        int snapshotTerm = in.number(term);
        long index = in.number();
        int chunks = in.number(MOST_CHUNKS);
        long query = in.number(), flow = in.number();
        Collection<RaftEndpoint> holders = seats(in);
        RaftGroupMembersView view = view(in);
        SnapshotChunk chunk = !in.flag() ? null : MODEL.createSnapshotChunkBuilder().setTerm(snapshotTerm).setIndex(index).setSnapshotChunkCount(chunks)
                .setSnapshotChunkIndex(in.number(chunks - 1)).setOperation(in.array(CHUNK_BYTES)).setGroupMembersView(view).build();
        return MODEL.createInstallSnapshotRequestBuilder().setGroupId(GROUP).setSender(from).setTerm(term).setSenderLeader(isLeader).setSnapshotTerm(snapshotTerm).setSnapshotIndex(index)
                .setTotalSnapshotChunkCount(chunks).setSnapshotChunk(chunk).setSnapshottedMembers(holders).setGroupMembersView(view).setQuerySequenceNumber(query)
                .setFlowControlSequenceNumber(flow).build();
    }
}
