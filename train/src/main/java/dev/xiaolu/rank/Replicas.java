package dev.xiaolu.rank;

import dev.xiaolu.consensus.Replica;
import dev.xiaolu.consensus.ReplicatedLog;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import dev.xiaolu.status.WriterProcess;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/// Keeps the number of replicas: where one is lost, a rank that is none yet takes its place. Done by whoever leads; on the coordinator's thread.
final class Replicas {
    private static final long LOOK_MILLIS = 500, LAUNCHER_SILENT_MILLIS = 30_000;

    private final Coordinator coordinator;
    private final Runnable changed;
    private CompletableFuture<Void> exchange;                    // null where none is under way
    private Member fresh;                                        // who comes in by it
    private long lookedMillis;
    private List<Replica> told = List.of();

    /// @param changed called when there are other replicas than before
    Replicas(Coordinator coordinator, Runnable changed) {
        this.coordinator = coordinator;
        this.changed = changed;
    }

    /// The other replicas.
    List<Long> others() {
        return coordinator.log() instanceof ReplicatedLog log ? log.members(false).stream().map(Replica::id).filter(id -> id != coordinator.post.self()).toList() : List.of();
    }

    void tick(long now, Lead lead) {
        if (now - lookedMillis < LOOK_MILLIS || !(coordinator.log() instanceof ReplicatedLog log)) {
            return;
        }
        lookedMillis = now;
        State state = coordinator.state();
        if (exchange != null && !exchange.isDone()) {
            if (state.run().fenced().contains(fresh.id())) {
                exchange.cancel(false);
            }
            return;
        }
        exchange = null;
        List<Replica> all = log.members(false);
        if (!all.equals(told)) {
            told = all;
            changed.run();
        }
        coordinator.watcher.replicas(all, all.stream().flatMap(replica -> coordinator.member(replica.id()).stream()).toList());
        Optional<Replica> gone = log.members(true).stream().filter(replica -> replica.id() != coordinator.post.self() && isGone(replica.id(), state, now, lead)).findFirst();
        Set<Long> taken = all.stream().map(Replica::id).collect(Collectors.toSet());
        Optional<Member> next = Coordinator.everybody(state).stream().filter(member -> !taken.contains(member.id())).findFirst();
        if (gone.isPresent() && next.isPresent() && !state.isOver()) {
            fresh = next.get();
            coordinator.post.send(fresh.id(), Wire.text(Wire.SERVE, coordinator.charter().json()));
            exchange = log.replace(gone.get().id(), new Replica(fresh.id(), fresh.host(), fresh.port()));
        }
    }

    /// Ranks are gone once they are fenced. The launching process is no rank: it is gone where its end can be seen, or after so long a silence that it is not coming back.
    private boolean isGone(long id, State state, long now, Lead lead) {
        WriterProcess launcher = coordinator.charter().launcher();
        boolean isLauncher = coordinator.charter().founders().getFirst().id() == id;
        return isLauncher ? launcher.isHere() && !launcher.lives() || now - lead.heardMillis(id) > LAUNCHER_SILENT_MILLIS : state.run().fenced().contains(id);
    }
}
