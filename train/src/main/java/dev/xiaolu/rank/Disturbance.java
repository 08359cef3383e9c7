package dev.xiaolu.rank;

import dev.xiaolu.consensus.Replica;
import dev.xiaolu.consensus.ReplicatedLog;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/// What a drill may do to a launch that runs. Thread-safe.
public final class Disturbance {
    private static final long HAND_OVER_SECONDS = 5;

    private final Coordinator coordinator;
    private final LocalWorkers workers;
    private final Conductor conductor;
    private final RoughLinks links;

    Disturbance(Coordinator coordinator, LocalWorkers workers, Conductor conductor, RoughLinks links) {
        this.links = links;
        this.coordinator = coordinator;
        this.workers = workers;
        this.conductor = conductor;
    }

    /// Who takes part now.
    public List<Member> members() {
        return coordinator.state().run().members();
    }

    /// The newest step that is committed.
    public long committed() {
        return coordinator.state().run().committed();
    }

    /// Whether the run is over.
    public boolean isOver() {
        return coordinator.state() instanceof State.Ended || coordinator.state() instanceof State.Failed;
    }

    /// Turns over a bit of the next gradient that this member computes to be compared.
    public void flip(long id, long bit) {
        coordinator.post.send(id, Wire.numbers(Wire.FLIP, bit));
    }

    /// Lets the disk refuse so many new files to this member.
    public void fill(long id, long files) {
        coordinator.post.send(id, Wire.numbers(Wire.FULL, files));
    }

    /// Lets the wall clock of this member leap by so many milliseconds.
    public void leap(long id, long millis) {
        coordinator.post.send(id, Wire.numbers(Wire.LEAP, millis));
    }

    /// Spoils the connections of this member for so many milliseconds.
    void weather(Member member, RoughLink.Weather weather, long millis) {
        links.weather(member.id(), workers.number(member.pid()), weather, millis);
    }

    /// The number of the worker with this process id, -1 where there is none.
    public int worker(long pid) {
        return workers.number(pid);
    }

    /// Whether a process may be lost without the coordinator: where it has several replicas, all of them must be there, as a second loss might be one too many.
    boolean isWhole() {
        if (!(coordinator.log() instanceof ReplicatedLog log)) {
            return coordinator.log() != null;
        }
        Map<Long, Member> members = coordinator.state().run().members().stream().collect(Collectors.toMap(Member::id, member -> member));
        List<Replica> voters = log.members(true);
        return voters.size() >= coordinator.charter().founders().size() && voters.stream().allMatch(voter -> voter.id() == coordinator.post.self()
                || members.containsKey(voter.id()) && ProcessHandle.of(members.get(voter.id()).pid()).filter(ProcessHandle::isAlive).isPresent());
    }

    /// The member whose replica of the coordinator leads; where the launching process leads, it lets another do so. None where there is one coordinator alone.
    Optional<Member> leader() throws InterruptedException {
        if (!(coordinator.log() instanceof ReplicatedLog log)) {
            return Optional.empty();
        }
        List<Replica> voters = log.members(true);
        if (log.leader() == coordinator.post.self()) {
            try {
                log.handOver(voters.stream().map(Replica::id).filter(id -> id != coordinator.post.self()).findFirst().orElseThrow()).get(HAND_OVER_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException | TimeoutException _) {
                return Optional.empty();
            }
        }
        return coordinator.state().run().members().stream().filter(member -> member.id() == log.leader()).findFirst();
    }

    /// Losses so far, the newest last.
    public List<Incident> incidents() {
        return conductor.incidents();
    }
}
