package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.SECONDS;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Control;
import dev.xiaolu.recover.History;
import dev.xiaolu.recover.State;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/// One run in a simulated world, in one thread, from one seed: the control plane of real runs, and around it time, network, disk and ranks that are made up.
public final class Simulation {
    private final Scenario scenario;
    private final Timeline timeline = new Timeline();
    private final Measures measures = new Measures(timeline);
    private final Branches branches = new Branches();
    private final Truth truth;
    private final Coordinator coordinator;

    /// Builds the world of a run; `calmNanos` is how long it takes when nothing happens, 0 for the calm run itself.
    private Simulation(Scenario scenario, UnaryOperator<Rules> rules, long calmNanos, List<Watcher> more) {
        this.scenario = scenario;
        RandomKey key = RandomKey.ofSeed(scenario.seed());
        var disk = new CheckpointDisk();
        truth = new Truth(scenario, disk);
        var flips = new Flips(new Draws(key.at("flips")), id -> {
            measures.injected(FaultKind.FLIP);
            measures.falls(id);
        });
        var world = new World(scenario, timeline, new Network(timeline, new Draws(key.at("network"))), disk, truth, flips);
        var population = new Population(world);
        var injector = new Injector(world, population, measures);
        var watchers = new ArrayList<Watcher>(List.of(truth, branches, measures, injector));
        watchers.addAll(more);
        var control = new Control(scenario.settings());
        coordinator = new Coordinator(control.start(), rules.apply(control::next), timeline, population, watchers);
        population.begin(coordinator);
        injector.plan(coordinator, calmNanos);
    }

    /// Simulates a scenario, and the calm run that it is compared with.
    public static Outcome run(Scenario scenario) {
        return run(scenario, UnaryOperator.identity(), _ -> { });
    }

    /// The same; `log` is given each turn.
    public static Outcome run(Scenario scenario, Consumer<History.Turn> log) {
        return run(scenario, UnaryOperator.identity(), log);
    }

    /// The same with rules that `broken` makes of the true ones; the calm run keeps those.
    static Outcome run(Scenario scenario, UnaryOperator<Rules> broken, Consumer<History.Turn> log) {
        var calm = new Simulation(scenario.calm(), UnaryOperator.identity(), 0, List.of());
        calm.toTheEnd(Long.MAX_VALUE);
        long calmNanos = calm.timeline.nanos();
        MessageDigest history = sha256();
        var rough = new Simulation(scenario, broken, calmNanos, List.of((_, event, next) -> {
            var turn = new History.Turn(event, next.actions());
            turn.lines().forEach(line -> history.update((line + "\n").getBytes(StandardCharsets.UTF_8)));
            log.accept(turn);
        }));
        rough.toTheEnd(10 * calmNanos + 900 * SECONDS);                     // far more than all faults together can cost
        return rough.outcome(calm, HexFormat.of().formatHex(history.digest(), 0, 8));
    }

    private void toTheEnd(long latest) {
        while (!coordinator.state().isOver() && timeline.nanos() < latest && timeline.next()) {
            // each event plans what follows from it
        }
    }

    private Outcome outcome(Simulation calm, String history) {
        long committed = coordinator.state().run().committed();
        var violations = new ArrayList<>(truth.violations());
        String end = switch (coordinator.state()) {
            case State.Ended(var run, String why) -> {
                if (!scenario.asked() && run.committed() != scenario.steps()) {
                    violations.add("the run ended at step %d of %d".formatted(run.committed(), scenario.steps()));
                }
                yield why;
            }
            case State.Failed(_, String why) -> {
                violations.add("the run failed: " + why);
                yield why;
            }
            case State other -> {
                violations.add("the run did not end; after %d s it was in %s at step %d".formatted(timeline.nanos() / SECONDS, other.getClass().getSimpleName(), committed));
                yield "not at all";
            }
        };
        if (coordinator.excuses() > 0) {
            branches.excused();
        }
        long needed = measures.committedAt(committed);
        double goodput = needed == 0 ? 1 : (double) calm.measures.committedAt(committed) / needed;
        return new Outcome(scenario, measures.injected(), measures.recoveries(), measures.detection(), measures.recovery(), measures.events(), timeline.nanos(), goodput,
                committed, end, measures.digest(committed), calm.measures.digest(committed), history, violations, branches.taken());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException everyJavaHasIt) {
            throw new IllegalStateException(everyJavaHasIt);
        }
    }
}
