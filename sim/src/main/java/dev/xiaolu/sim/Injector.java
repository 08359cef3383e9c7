package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.MILLIS;
import static dev.xiaolu.sim.Timeline.SECONDS;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Next;
import dev.xiaolu.recover.State;
import java.util.ArrayList;
import java.util.List;

/// Brings the faults of a scenario into its run. Some come at a time, others at a moment, such as when gradients are being summed, which times would seldom meet.
final class Injector implements Watcher {
    private static final List<String> MOMENTS = List.of("Gathering", "Settling", "Computing", "Reducing", "Staging", "Ending", "Waiting", "saving");
    private static final int NODES_FOR_ONE_MORE = 250;

    /// A fault that comes when the control plane is in a state for the `skip + 1`st event.
    private static final class Moment {
        final FaultKind kind;
        final String state;
        int skip;

        Moment(FaultKind kind, String state, int skip) {
            this.kind = kind;
            this.state = state;
            this.skip = skip;
        }
    }

    private final World world;
    private final Population population;
    private final Measures measures;
    private final Draws draws;
    private final List<Moment> moments = new ArrayList<>();
    private Coordinator coordinator;

    Injector(World world, Population population, Measures measures) {
        this.world = world;
        this.population = population;
        this.measures = measures;
        this.draws = new Draws(RandomKey.ofSeed(world.scenario().seed()).at("faults"));
    }

    /// Plans all faults of a run that takes about `nanos` when nothing happens.
    void plan(Coordinator toDisturb, long nanos) {
        coordinator = toDisturb;
        Scenario scenario = world.scenario();
        for (FaultKind kind : FaultKind.values()) {
            int times = scenario.faults().contains(kind) ? 1 + draws.below(2) + scenario.nodes() / NODES_FOR_ONE_MORE : 0;
            for (int i = 0; i < times; i++) {
                world.timeline().at(draws.between(nanos / 20, nanos * 3 / 4), () -> inject(kind, false));
            }
            int momentary = times == 0 ? 0 : switch (kind) {
                case KILL -> 2;
                case STOP, PARTITION -> 1;
                case SLOW, DELAY, DISK, FLIP, CLOCK -> 0;
            };
            for (int i = 0; i < momentary; i++) {
                String state = draws.of(MOMENTS);
                moments.add(new Moment(kind, state, state.equals("Ending") ? 0 : draws.below(3)));
            }
        }
        if (scenario.asked()) {
            world.timeline().at(draws.between(nanos / 4, nanos), () -> coordinator.hear(new Event.Stop("asked to")));
        }
    }

    @Override public void saw(State before, Event event, Next next) {
        String state = next.state().getClass().getSimpleName();
        boolean saving = !next.state().run().saves().isEmpty();
        moments.removeIf(moment -> {
            boolean now = (moment.state.equals(state) || moment.state.equals("saving") && saving) && moment.skip-- == 0;
            if (now) {
                world.timeline().after(0, () -> inject(moment.kind, true));
            }
            return now;
        });
    }

    private void inject(FaultKind kind, boolean atMoment) {
        List<Long> living = population.living();
        if (living.isEmpty() || coordinator.state().isOver()) {
            return;
        }
        switch (kind) {
            case KILL -> kill(living, atMoment);
            case STOP -> stop(target(living, atMoment));
            case SLOW -> slow(draws.of(living));
            case DELAY -> delay(some(living, 4));
            case PARTITION -> partition(atMoment || !draws.oneIn(4) ? List.of(target(living, atMoment)) : some(living, 3));
            case DISK -> world.disk().fill(1 + draws.below(2));
            case CLOCK -> clock();
            case FLIP -> {
                if (draws.oneIn(2)) {
                    world.flips().armLeaf();
                } else {
                    world.flips().armWeights();
                }
            }
        }
        if (kind != FaultKind.FLIP) {                                    // flips count when they strike
            measures.injected(kind);
        }
    }

    /// Whom a fault meets: who saves, if somebody does and the moment is drawn for it, else anybody.
    private long target(List<Long> living, boolean atMoment) {
        List<Long> savers = coordinator.state().run().saves().stream().map(save -> save.id()).filter(living::contains).toList();
        return atMoment && !savers.isEmpty() ? savers.getFirst() : draws.of(living);
    }

    /// A part of all, at least one: neighbours by id, as those behind one switch are.
    private List<Long> some(List<Long> living, int part) {
        int count = 1 + draws.below(Math.max(1, living.size() / part));
        int from = draws.below(living.size() - count + 1);
        return living.subList(from, from + count);
    }

    private void kill(List<Long> living, boolean atMoment) {
        List<Long> settled = coordinator.state().run().settled().stream().filter(living::contains).toList();
        int how = atMoment ? -1 : draws.below(6);
        boolean told = atMoment || !draws.oneIn(3);                      // a host that is gone tells nothing
        if (how == 0 && settled.size() >= 2) {
            int first = draws.below(settled.size());                     // a host with two ranks: state between them is lost
            end(settled.get(first), told);
            end(settled.get((first + 1) % settled.size()), told);
        } else if (how == 1) {
            living.subList(0, (living.size() * 4 + 4) / 5).forEach(id -> end(id, told));
            if (draws.oneIn(2)) {
                moments.add(new Moment(FaultKind.KILL, "Waiting", 1));
            }
        } else {
            end(target(living, atMoment), told);
        }
    }

    private void end(long id, boolean told) {
        measures.falls(id);
        population.rank(id).end();
        if (told) {
            world.network().up(id, () -> coordinator.hear(new Event.Lost(id, "the process has ended")));
        }
    }

    private void stop(long id) {
        SimulatedRank rank = population.rank(id);
        measures.falls(id);
        rank.stop();
        world.timeline().after(draws.between(SECONDS / 5, 20 * SECONDS), () -> {
            rank.go();
            measures.passes(id);
        });
    }

    private void slow(long id) {
        SimulatedRank rank = population.rank(id);
        boolean hangs = draws.oneIn(4);
        measures.falls(id);
        rank.slow(hangs ? 200 : 2 + draws.below(5));
        world.timeline().after(draws.between(20 * SECONDS, 90 * SECONDS), () -> {
            rank.slow(1);
            measures.passes(id);
        });
    }

    private void delay(List<Long> ids) {
        long nanos = draws.between(5 * SECONDS, 20 * SECONDS), most = draws.oneIn(4) ? 8 * SECONDS : draws.between(20 * MILLIS, 2 * SECONDS);
        ids.forEach(id -> world.network().disturb(id, nanos, most));
        fallFor(ids, nanos);
    }

    private void partition(List<Long> ids) {
        long nanos = draws.between(SECONDS, 25 * SECONDS) * (draws.oneIn(4) ? 4 : 1);
        int way = draws.below(3);
        ids.forEach(id -> world.network().cut(id, way != 0, way != 1, nanos));
        fallFor(ids, nanos);
    }

    private void fallFor(List<Long> ids, long nanos) {
        List<Long> all = List.copyOf(ids);
        all.forEach(measures::falls);
        world.timeline().after(nanos, () -> all.forEach(measures::passes));
    }

    private void clock() {
        long nanos = draws.between(3 * SECONDS, 60 * SECONDS);
        if (draws.oneIn(2)) {
            coordinator.leap(nanos);
        } else {
            coordinator.suspend(nanos);
        }
    }
}
