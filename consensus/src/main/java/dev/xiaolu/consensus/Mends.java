package dev.xiaolu.consensus;

import io.microraft.RaftEndpoint;
import io.microraft.RaftNode;
import io.microraft.impl.RaftNodeImpl;
import io.microraft.impl.log.RaftLog;
import io.microraft.impl.state.RaftState;

/// Faults of MicroRaft 0.7 that our tests have met, each mended from outside, on the replica's thread, at a moment the library tells of. None of them makes replicas disagree;
/// each leaves one standing still for ever.
final class Mends {
    private final RaftNodeImpl node;
    private final RaftState state;

    Mends(RaftNode node) {
        this.node = (RaftNodeImpl) node;
        this.state = this.node.state();
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

    /// While a snapshot is installed: entries beyond it stay, and as long as they do, the entry that the snapshot ends with is looked for in the log, where it is no more, and all that
    /// follows is refused. They are dropped here: a leader sends a snapshot only to one whose entries beyond it are none of its own, so none of them counts.
    void dropBeyondSnapshot() {
        RaftLog log = state.log();
        if (log.lastLogOrSnapshotIndex() > log.snapshotIndex()) {
            log.truncateEntriesFrom(log.snapshotIndex() + 1);
            if (state.committedGroupMembers() != state.effectiveGroupMembers()) {
                node.revertGroupMembers();                               // the change was among them
            }
        }
    }
}
