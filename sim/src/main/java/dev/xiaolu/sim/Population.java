package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.SECONDS;

import dev.xiaolu.platform.RandomKey;
import dev.xiaolu.recover.Action;
import dev.xiaolu.recover.Event;
import dev.xiaolu.recover.Member;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/// The processes of ranks: starts them, each under an id of its own, carries orders to them, and starts another for each that is given up.
final class Population implements Coordinator.Ranks {
    private static final int OTHER_PROGRAM = 8;                          // one replacement in so many

    private final World world;
    private final Draws draws;
    private final TreeMap<Long, SimulatedRank> ranks = new TreeMap<>();
    private Coordinator coordinator;
    private long nextId = 1;

    Population(World world) {
        this.world = world;
        this.draws = new Draws(RandomKey.ofSeed(world.scenario().seed()).at("starts"));
    }

    /// The processes that a run begins with start one after another.
    void begin(Coordinator heard) {
        coordinator = heard;
        for (int i = 0; i < world.scenario().nodes(); i++) {
            world.timeline().after(draws.between(0, 3 * SECONDS), () -> start(false));
        }
    }

    private void start(boolean otherProgram) {
        long id = nextId++;
        var fingerprint = Scenario.fingerprint();
        if (otherProgram) {
            fingerprint.put("program", "another");
        }
        var rank = new SimulatedRank(id, world, event -> world.network().up(id, () -> coordinator.hear(event)));
        ranks.put(id, rank);
        world.network().up(id, () -> coordinator.hear(new Event.Joined(new Member(id, "host-" + id, 7000, id), fingerprint)));
        rank.beat(() -> coordinator.beat(id));
    }

    @Override public void order(long id, Action.Order order) {
        SimulatedRank rank = ranks.get(id);
        world.network().down(id, () -> rank.awake(() -> rank.obey(order)));
    }

    @Override public void end(long id) {
        SimulatedRank rank = ranks.get(id);
        world.network().down(id, () -> rank.awake(rank::end));           // one that cannot be reached goes on until it can
    }

    @Override public void replace() {
        boolean kills = world.scenario().faults().contains(FaultKind.KILL);
        world.timeline().after(draws.between(2 * SECONDS, 10 * SECONDS), () -> start(kills && draws.oneIn(OTHER_PROGRAM)));
    }

    SimulatedRank rank(long id) {
        return ranks.get(id);
    }

    /// The processes that live, by id.
    List<Long> living() {
        var living = new ArrayList<Long>();
        ranks.forEach((id, rank) -> {
            if (rank.isAlive()) {
                living.add(id);
            }
        });
        return living;
    }
}
