package dev.xiaolu.consensus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.microraft.MembershipChangeMode;
import io.microraft.RaftEndpoint;
import io.microraft.model.RaftModelFactory;
import io.microraft.model.impl.DefaultRaftModelFactory;
import io.microraft.model.log.LogEntry;
import io.microraft.model.log.RaftGroupMembersView;
import io.microraft.model.message.AppendEntriesRequest;
import io.microraft.model.message.RaftMessage;
import java.nio.BufferUnderflowException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// Messages of the library as bytes, whole, torn and changed.
class RaftBytesTest {
    private static final RaftModelFactory MODEL = new DefaultRaftModelFactory();
    private static final Seat FROM = new Seat(new Replica(-4, "a", 1));
    private static final List<RaftEndpoint> SEATS = List.of(FROM, new Seat(new Replica(Long.MAX_VALUE, "høst", 65535)), new Seat(new Replica(7, "", 0)));

    private static LogEntry entry(long index, Object operation) {
        return MODEL.createLogEntryBuilder().setTerm(4).setIndex(index).setOperation(operation).build();
    }

    private static List<RaftMessage> messages() {
        RaftGroupMembersView view = MODEL.createRaftGroupMembersViewBuilder().setLogIndex(5).setMembers(SEATS).setVotingMembers(SEATS.subList(0, 2)).build();
        var change = MODEL.createUpdateRaftGroupMembersOpBuilder().setMembers(SEATS).setVotingMembers(SEATS.subList(1, 3)).setEndpoint(SEATS.get(2))
                .setMode(MembershipChangeMode.REMOVE_MEMBER).build();
        List<LogEntry> entries = List.of(entry(8, new Operation.NewTerm(4, -9)), entry(9, new Operation.Appended(-3, 2, new byte[] {1, 2, 3})), entry(10, change));
        var chunk = MODEL.createSnapshotChunkBuilder().setTerm(3).setIndex(8).setSnapshotChunkCount(3).setSnapshotChunkIndex(2).setOperation(new byte[] {7, 8}).setGroupMembersView(view).build();
        var install = MODEL.createInstallSnapshotRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setSenderLeader(true).setSnapshotTerm(3).setSnapshotIndex(8)
                .setTotalSnapshotChunkCount(3).setSnapshottedMembers(SEATS).setGroupMembersView(view).setQuerySequenceNumber(1).setFlowControlSequenceNumber(2);
        return List.of(MODEL.createPreVoteRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setLastLogTerm(4).setLastLogIndex(1L << 40).build(),
                MODEL.createPreVoteResponseBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setGranted(true).build(),
                MODEL.createVoteRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setLastLogTerm(4).setLastLogIndex(9).setSticky(true).build(),
                MODEL.createVoteResponseBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setGranted(false).build(),
                MODEL.createAppendEntriesRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setPreviousLogTerm(4).setPreviousLogIndex(7).setCommitIndex(6)
                        .setQuerySequenceNumber(1).setFlowControlSequenceNumber(2).setLogEntries(entries).build(),
                MODEL.createAppendEntriesSuccessResponseBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setLastLogIndex(3).setQuerySequenceNumber(1)
                        .setFlowControlSequenceNumber(2).build(),
                MODEL.createAppendEntriesFailureResponseBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setExpectedNextIndex(3).setQuerySequenceNumber(1)
                        .setFlowControlSequenceNumber(2).build(),
                install.setSnapshotChunk(null).build(),
                MODEL.createInstallSnapshotRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setSenderLeader(false).setSnapshotTerm(3).setSnapshotIndex(8)
                        .setTotalSnapshotChunkCount(3).setSnapshottedMembers(List.of()).setGroupMembersView(view).setQuerySequenceNumber(1).setFlowControlSequenceNumber(2)
                        .setSnapshotChunk(chunk).build(),
                MODEL.createInstallSnapshotResponseBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setSnapshotIndex(8).setRequestedSnapshotChunkIndex(2)
                        .setQuerySequenceNumber(1).setFlowControlSequenceNumber(2).build(),
                MODEL.createTriggerLeaderElectionRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setLastLogTerm(4).setLastLogIndex(9).build());
    }

    private static RaftMessage read(byte[] bytes) {
        return RaftBytes.read(new Bytes.In(bytes), FROM.id());
    }

    @Test void everyMessageIsReadBackWhole() {
        for (RaftMessage message : messages()) {
            RaftMessage read = read(RaftBytes.of(message));
            assertEquals(message.getClass(), read.getClass());
            assertEquals(FROM, read.getSender());
            assertArrayEquals(RaftBytes.of(message), RaftBytes.of(read), message.toString());
            assertEquals(message.toString().replaceAll("\\[B@\\w+", ""), read.toString().replace("id=-4, host=, port=0", "id=-4, host=a, port=1").replaceAll("\\[B@\\w+", ""));
        }
        assertEquals(11, messages().size());
    }

    @Test void whatIsTornOrTooLongIsRefused() {
        for (RaftMessage message : messages()) {
            byte[] whole = RaftBytes.of(message);
            for (int length = 0; length < whole.length; length++) {
                byte[] torn = Arrays.copyOf(whole, length);
                try {
                    read(torn);
                    throw new AssertionError(length + " bytes of " + message);
                } catch (IllegalArgumentException | BufferUnderflowException refused) {
                    // as it shall be
                }
            }
            assertThrows(IllegalArgumentException.class, () -> read(Arrays.copyOf(whole, whole.length + 1)));
        }
    }

    @Test void whateverIsChangedItIsReadOrRefusedAndNeverTakesMoreMemoryThanItBrings() {
        var random = new Random(3);
        int refused = 0, changed = 0;
        for (int round = 0; round < 3000; round++) {
            for (RaftMessage message : messages()) {
                byte[] bytes = RaftBytes.of(message);
                int at = random.nextInt(bytes.length);
                if (round % 2 == 0 || at > bytes.length - 4) {
                    bytes[at] ^= (byte) (1 << random.nextInt(8));
                } else {
                    System.arraycopy(new Bytes.Out().put(random.nextBoolean() ? Integer.MAX_VALUE - random.nextInt(3) : -1 - random.nextInt(3)).array(), 0, bytes, at, 4);
                }
                changed++;
                try {
                    read(bytes);
                } catch (IllegalArgumentException | BufferUnderflowException no) {
                    refused++;
                }
            }
        }
        assertTrue(refused > changed / 10 && refused < changed, refused + " of " + changed);
    }

    @Test void manyEntriesGoInParts() {
        var entries = new ArrayList<LogEntry>();
        for (int i = 0; i < 100; i++) {
            entries.add(entry(8 + i, new Operation.Appended(1, i, new byte[100_000])));
        }
        for (List<LogEntry> each : List.of(entries, List.of(entry(8, new Operation.Appended(1, 1, new byte[3 << 20])), entry(9, new Operation.NewTerm(4, 1))))) {
            var message = MODEL.createAppendEntriesRequestBuilder().setGroupId(RaftBytes.GROUP).setSender(FROM).setTerm(5).setPreviousLogTerm(4).setPreviousLogIndex(7).setCommitIndex(6)
                    .setQuerySequenceNumber(1).setFlowControlSequenceNumber(2).setLogEntries(each).build();
            List<LogEntry> read = ((AppendEntriesRequest) read(RaftBytes.of(message))).getLogEntries();
            assertEquals(each == entries ? 7 : 1, read.size());
        }
    }
}
