package dev.xiaolu.rank;

import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.State;
import java.util.List;

/// What a drill may do to a launch that runs. Thread-safe.
public final class Disturbance {
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
        coordinator.send(id, Wire.numbers(Wire.FLIP, bit));
    }

    /// Lets the disk refuse so many new files to this member.
    public void fill(long id, long files) {
        coordinator.send(id, Wire.numbers(Wire.FULL, files));
    }

    /// Spoils the connections of this member for so many milliseconds.
    void weather(Member member, RoughLink.Weather weather, long millis) {
        links.weather(member.id(), workers.number(member.pid()), weather, millis);
    }

    /// The number of the worker with this process id, -1 where there is none.
    public int worker(long pid) {
        return workers.number(pid);
    }

    /// Losses so far, the newest last.
    public List<Incident> incidents() {
        return conductor.incidents();
    }
}
