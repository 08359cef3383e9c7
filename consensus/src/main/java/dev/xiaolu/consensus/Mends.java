package dev.xiaolu.consensus;

import io.microraft.RaftEndpoint;
import io.microraft.RaftNode;
import io.microraft.RaftNodeStatus;
import io.microraft.impl.RaftNodeImpl;
import io.microraft.impl.handler.AppendEntriesFailureResponseHandler;
import io.microraft.impl.handler.AppendEntriesRequestHandler;
import io.microraft.impl.handler.AppendEntriesSuccessResponseHandler;
import io.microraft.impl.handler.InstallSnapshotResponseHandler;
import io.microraft.impl.log.RaftLog;
import io.microraft.impl.state.RaftState;
import io.microraft.model.impl.DefaultRaftModelFactory;
import io.microraft.model.log.LogEntry;
import io.microraft.model.message.AppendEntriesFailureResponse;
import io.microraft.model.message.AppendEntriesRequest;
import io.microraft.model.message.AppendEntriesSuccessResponse;
import io.microraft.model.message.InstallSnapshotResponse;
import io.microraft.model.message.RaftMessage;
import java.util.List;

/// Faults of MicroRaft 0.7 that our tests have met, each mended from outside, on the replica's thread. The first three leave a replica standing still for ever; the last one could
/// make five replicas disagree.
final class Mends {
    private static final long NONE = -1;

    private RaftNodeImpl node;
    private RaftState state;
    private long known = NONE;                                           // the entry that is there although the library is about to say that it is not
    private boolean isStale;                                             // whether what is being answered is of an older term

    void of(RaftNode theNode) {
        node = (RaftNodeImpl) theNode;
        state = node.state();
    }

    /// After a change of roles: who has missed its leader, and finds it again in the same term, stays at the election it has begun, and begins none when that leader dies. Here it
    /// begins its term as a follower once more; its vote of the term stays what it was.
    void endOldElection() {
        RaftEndpoint leader = state.leader();
        if (leader != null && state.leaderState() == null && state.preCandidateState() != null) {
            node.toFollower(state.term());
            node.leader(leader);
        }
    }

    /// While a snapshot is installed: what stands beyond it stays, since it may be what this leader has sent before and counts on. A change of members that is not agreed upon yet is taken
    /// back, as the library does a moment later, where its own assertion would stop it half-way.
    void beforeMembersOfSnapshot() {
        if (state.committedGroupMembers() != state.effectiveGroupMembers()) {
            node.revertGroupMembers();
        }
    }

    private void drop() {
        state.log().truncateEntriesFrom(state.log().snapshotIndex() + 1);
        if (state.committedGroupMembers() != state.effectiveGroupMembers()) {
            node.setStatus(RaftNodeStatus.ACTIVE);
            node.revertGroupMembers();                                   // the change was among them
        }
    }

    /// A leader's entries. They follow one that both have; where that one is the last of a snapshot and more stands behind it, the library looks for it in the log, does not find it, and
    /// refuses for ever. A leader cuts its log just there, so this befalls one that is cut off and comes back.
    void append(AppendEntriesRequest request) {
        RaftLog log = state.log();
        long end = log.snapshotIndex();
        boolean isMissed = end > 0 && request.getPreviousLogIndex() == end && request.getPreviousLogTerm() == log.snapshotEntry().getTerm() && request.getTerm() >= state.term()
                && log.lastLogOrSnapshotIndex() > end && !log.containsLogEntry(end);
        AppendEntriesRequest handled = request;
        if (isMissed && request.getLogEntries().isEmpty()) {
            known = end;
        } else if (isMissed) {
            handled = afterWhatIsThere(request);
        }
        isStale = request.getTerm() < state.term();
        new AppendEntriesRequestHandler(node, handled).run();
        known = NONE;
        isStale = false;
    }

    /// The same request without the entries that are in the log already; where none is, those in the log contradict it and go.
    private AppendEntriesRequest afterWhatIsThere(AppendEntriesRequest request) {
        List<LogEntry> entries = request.getLogEntries();
        int same = 0;
        while (same < entries.size() && isThere(entries.get(same))) {
            same++;
        }
        if (same == 0) {
            drop();
            return request;
        }
        LogEntry previous = entries.get(same - 1);
        return new DefaultRaftModelFactory().createAppendEntriesRequestBuilder().setGroupId(request.getGroupId()).setSender(request.getSender()).setTerm(request.getTerm())
                .setPreviousLogTerm(previous.getTerm()).setPreviousLogIndex(previous.getIndex()).setCommitIndex(request.getCommitIndex())
                .setQuerySequenceNumber(request.getQuerySequenceNumber()).setFlowControlSequenceNumber(request.getFlowControlSequenceNumber())
                .setLogEntries(entries.subList(same, entries.size())).build();
    }

    private boolean isThere(LogEntry entry) {
        LogEntry own = state.log().getLogEntry(entry.getIndex());
        return own != null && own.getTerm() == entry.getTerm();
    }

    /// An answer of a follower. One to what was asked in an older term must not count for this one; the library takes it for an answer to its last question.
    void answer(RaftMessage answer) {
        if (answer.getTerm() >= state.term()) {
            switch (answer) {
                case AppendEntriesSuccessResponse success -> new AppendEntriesSuccessResponseHandler(node, success).run();
                case AppendEntriesFailureResponse failure -> new AppendEntriesFailureResponseHandler(node, failure).run();
                case InstallSnapshotResponse wanted -> new InstallSnapshotResponseHandler(node, wanted).run();
                default -> throw new IllegalArgumentException("message of the log: %s is no answer of a follower".formatted(answer));
            }
        }
    }

    /// What is sent in place of a message: the truth about an entry that is there; and no place in the log where the answer is to an older term's question.
    RaftMessage said(RaftMessage message) {
        if (!(message instanceof AppendEntriesFailureResponse refusal) || known == NONE && !isStale) {
            return message;
        }
        var model = new DefaultRaftModelFactory();
        return isStale
                ? model.createAppendEntriesFailureResponseBuilder().setGroupId(refusal.getGroupId()).setSender(refusal.getSender()).setTerm(refusal.getTerm()).setExpectedNextIndex(0)
                        .setQuerySequenceNumber(0).setFlowControlSequenceNumber(0).build()
                : model.createAppendEntriesSuccessResponseBuilder().setGroupId(refusal.getGroupId()).setSender(refusal.getSender()).setTerm(refusal.getTerm()).setLastLogIndex(known)
                        .setQuerySequenceNumber(refusal.getQuerySequenceNumber()).setFlowControlSequenceNumber(refusal.getFlowControlSequenceNumber()).build();
    }
}
