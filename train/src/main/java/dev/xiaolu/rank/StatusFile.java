package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import dev.xiaolu.recover.Member;
import dev.xiaolu.recover.Run;
import dev.xiaolu.recover.State;
import dev.xiaolu.status.Fault;
import dev.xiaolu.status.Life;
import dev.xiaolu.status.RankStatus;
import dev.xiaolu.status.RunStatus;
import dev.xiaolu.status.StatusReader;
import dev.xiaolu.status.WriterProcess;
import dev.xiaolu.train.StepPlans;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// `launch/status.json` in the folder of a run: how it stands now, written anew twice a second while it goes on. Decides nothing, so a disk that refuses is no matter.
///
/// One thread at a time, but for [#newest].
final class StatusFile {
    private static final long EVERY_MILLIS = 500;
    private static final int MOST_LIVES = 400;                   // older ones are forgotten

    private final Path file;
    private final Clock clock;
    private final long steps, begun;
    private final LeafRate rate;
    private final Optional<WriterProcess> process = Optional.of(WriterProcess.own());
    private final Map<Long, Life> lives = new LinkedHashMap<>(); // by id of the member
    private Optional<String> page = Optional.empty();
    private List<WriterProcess> coordinators = List.of();
    private long written;
    private volatile RunStatus newest;

    /// The status of a launch that began at `begun`, milliseconds since 1970, after step `done`.
    ///
    /// @param first whether this process is the first to write one
    StatusFile(Path folder, StepPlans plans, long steps, long done, Clock clock, long begun, boolean first) {
        file = folder.resolve(StatusReader.FILE);
        this.clock = clock;
        this.steps = steps;
        this.begun = begun;
        rate = new LeafRate(plans, done);
        newest = new RunStatus(RunStatus.STARTING, Optional.empty(), done, steps, 0, OptionalDouble.empty(), done == 0 ? Optional.empty() : Optional.of(done), OptionalDouble.empty(), Optional.empty(), process, List.of(),
                begun, begun, 0, List.of(), List.of(), List.of());
        if (first) {
            put();
        }
    }

    /// The process of a rank that has taken part; 0 where it is not known.
    long pid(long id) {
        Life life = lives.get(id);
        return life == null ? 0 : life.pid();
    }

    /// The status that was written last. From any thread.
    RunStatus newest() {
        return newest;
    }

    /// The run can be looked at there.
    void page(String address) {
        page = Optional.of(address);
    }

    /// These processes have a replica of the coordinator.
    void coordinators(List<WriterProcess> now) {
        coordinators = now;
    }

    /// A process takes part; `number` is that of the worker.
    void joined(Member member, int number) {
        lives.put(member.id(), new Life(number, member.pid(), clock.wallMillis(), Optional.empty()));
        if (lives.size() > MOST_LIVES) {
            lives.remove(lives.keySet().iterator().next());
        }
    }

    /// Writes how things stand, if that is due.
    ///
    /// @param started processes of workers that were started here, by number
    void write(State state, SortedMap<Long, Coordinator.Pulse> pulses, double goodput, List<Incident> incidents, Map<Integer, Long> started) {
        long now = clock.nanos() / 1_000_000;
        if (now - written >= EVERY_MILLIS) {
            written = now;
            rate.committed(state.run().committed(), clock.nanos());
            newest = status(state, pulses, goodput, incidents, started);
            put();
        }
    }

    private RunStatus status(State state, SortedMap<Long, Coordinator.Pulse> pulses, double goodput, List<Incident> incidents, Map<Integer, Long> started) {
        Run run = state.run();
        Optional<Long> durable = run.durable() >= 0 ? Optional.of(run.durable()) : newest.checkpoint();
        var faults = new ArrayList<Fault>();
        incidents.forEach(incident -> faults.add(fault(incident)));
        return new RunStatus(word(state), state instanceof State.Failed(_, String why) ? Optional.of(why) : Optional.empty(), run.committed(), steps, run.generation(),
                Double.isNaN(goodput) ? OptionalDouble.empty() : OptionalDouble.of(rounded(goodput)), durable, rate.perSecond(clock.nanos()), page, process, coordinators, begun, clock.wallMillis(), incidents.size(),
                ranks(state, pulses, started), faults, new ArrayList<>(lives.values()));
    }

    private Fault fault(Incident incident) {
        long lost = clock.wallMillis() - (clock.nanos() - incident.lostNanos()) / 1_000_000;
        Life life = lives.computeIfPresent(incident.id(), (_, one) -> one.toMillis().isPresent() ? one : new Life(one.index(), one.pid(), one.fromMillis(), Optional.of(lost)));
        return Fault.of(life == null ? -1 : life.index(), incident.pid(), incident.why(), incident.step(), lost,
                incident.goesNanos() == 0 ? OptionalDouble.empty() : OptionalDouble.of(rounded((incident.goesNanos() - incident.lostNanos()) * 1e-9)));
    }

    /// Members, those who have joined, and processes that have not yet, by index.
    private List<RankStatus> ranks(State state, SortedMap<Long, Coordinator.Pulse> pulses, Map<Integer, Long> started) {
        var quiet = new TreeMap<>(started);
        var ranks = new ArrayList<RankStatus>();
        Set<Long> awaited = state.awaited();
        state.run().members().forEach(member -> ranks.add(rank(member, word(state), awaited.contains(member.id()), Optional.of(state.run().committed()), pulses.get(member.id()))));
        state.run().candidates().forEach(member -> ranks.add(rank(member, RankStatus.JOINING, false, Optional.empty(), pulses.get(member.id()))));
        ranks.forEach(rank -> quiet.values().remove(rank.pid().orElse(0L)));
        quiet.forEach((number, pid) -> ranks.add(RankStatus.alone(number, Optional.of(pid), RunStatus.STARTING, Optional.empty())));
        ranks.sort(Comparator.comparingInt(RankStatus::index).thenComparing(rank -> rank.pid().orElse(0L)));
        return ranks;
    }

    private RankStatus rank(Member member, String state, boolean awaited, Optional<Long> step, Coordinator.Pulse pulse) {
        Life life = lives.get(member.id());
        return new RankStatus(life == null ? -1 : life.index(), Optional.of(member.pid()), state, awaited ? "working" : "idle", step, "%016x".formatted(member.id()), member.host(),
                pulse == null ? OptionalDouble.empty() : OptionalDouble.of(Math.max(0, Coordinator.nowMillis() - pulse.beatMillis()) / 1e3),
                pulse == null || pulse.nanosPerLeaf() == 0 ? OptionalDouble.empty() : OptionalDouble.of(rounded(pulse.nanosPerLeaf() * 1e-9)));
    }

    private static String word(State state) {
        return switch (state) {
            case State.Gathering _ -> RunStatus.STARTING;
            case State.Waiting _ -> RunStatus.WAITING;
            case State.Settling _ -> RunStatus.SETTLING;
            case State.Computing _, State.Reducing _, State.Staging _ -> RunStatus.TRAINING;
            case State.Ending _ -> RunStatus.ENDING;
            case State.Ended _ -> RunStatus.STOPPED;
            case State.Failed _ -> RunStatus.FAILED;
        };
    }

    private static double rounded(double value) {
        return Math.round(value * 1e4) / 1e4;
    }

    /// The launch ends in this state.
    void over(State state, double goodput, List<Incident> incidents) {
        RunStatus last = status(state, new TreeMap<>(), goodput, incidents, Map.of());
        boolean done = last.step() >= steps && !(state instanceof State.Failed);
        newest = last.ended(done ? RunStatus.OVER : last.state(), newest.ranks());
        put();
    }

    private void put() {
        try {
            Path fresh = file.resolveSibling(".status.json.new");
            Files.writeString(fresh, newest.brief().json());
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException _) {
            // the next one may come through
        }
    }
}
