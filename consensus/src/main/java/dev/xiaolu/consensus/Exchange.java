package dev.xiaolu.consensus;

import io.microraft.MembershipChangeMode;
import io.microraft.RaftEndpoint;
import io.microraft.RaftNode;
import io.microraft.exception.NotLeaderException;
import io.microraft.report.RaftGroupMembers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/// One replica in another's place, step by step: it learns what there is without a vote, then the other one goes, then it has the vote. Each step begins from what is agreed upon,
/// so that a new leader can go on with what the old one has begun. There is one at a time, so whoever else learns is left over from one that was given up, and goes first: the
/// library lets no more than two learn.
final class Exchange {
    private final RaftNode node;
    private final RaftThread thread;
    private final Duration pause;
    private final Seat gone, fresh;
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private long learned = -1;

    Exchange(RaftNode node, RaftThread thread, Duration pause, Seat gone, Seat fresh) {
        this.node = node;
        this.thread = thread;
        this.pause = pause;
        this.gone = gone;
        this.fresh = fresh;
    }

    /// What is told in the end. Nothing is begun any more once it is done, by whomever.
    CompletableFuture<Void> done() {
        return done;
    }

    void begin() {
        thread.execute(this::step);
    }

    private void step() {
        if (done.isDone()) {
            return;
        }
        RaftGroupMembers members = node.getCommittedMembers();
        var leftOver = new ArrayList<>(members.getMembers());
        leftOver.removeAll(members.getVotingMembers());
        leftOver.remove(fresh);
        if (!leftOver.isEmpty()) {
            change(members, leftOver.getFirst(), MembershipChangeMode.REMOVE_MEMBER);
        } else if (!members.getMembers().contains(fresh)) {
            change(members, fresh, MembershipChangeMode.ADD_LEARNER);
        } else if (members.getVotingMembers().contains(fresh) && !members.getMembers().contains(gone)) {
            done.complete(null);
        } else {
            node.getReport().whenComplete((report, failed) -> {
                if (failed != null) {                                    // the replica has ended
                    done.completeExceptionally(failed);
                    return;
                }
                learned = learned >= 0 ? learned : report.getResult().getLog().getCommitIndex();
                Long match = report.getResult().getLog().getFollowerMatchIndices().get(fresh);
                if (!node.getLocalEndpoint().equals(node.getTerm().getLeaderEndpoint())) {
                    done.completeExceptionally(new IllegalStateException("replica %s leads no longer; ask %s".formatted(node.getLocalEndpoint().getId(), node.getTerm().getLeaderEndpoint())));
                } else if (match == null || match < learned) {
                    thread.later(pause, this::step);                     // it has not learned everything yet
                } else if (members.getMembers().contains(gone)) {
                    change(members, gone, MembershipChangeMode.REMOVE_MEMBER);
                } else {
                    change(members, fresh, MembershipChangeMode.ADD_OR_PROMOTE_TO_FOLLOWER);
                }
            });
        }
    }

    private void change(RaftGroupMembers members, RaftEndpoint seat, MembershipChangeMode mode) {
        node.changeMembership(seat, mode, members.getLogIndex()).whenComplete((_, failed) -> {
            Throwable why = failed instanceof CompletionException wrapped ? wrapped.getCause() : failed;
            if (why instanceof NotLeaderException) {
                done.completeExceptionally(why);
            } else {                                                     // another change may be under way that is not agreed upon yet
                thread.later(why == null ? Duration.ZERO : pause, this::step);
            }
        });
    }
}
