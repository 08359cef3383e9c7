package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.MILLIS;
import static dev.xiaolu.sim.Timeline.SECONDS;

import java.util.HashMap;
import java.util.Map;

/// The network between the coordinator and the ranks, as the transport makes it: each direction of each pair gives every message once and in order, at some time.
/// Between pairs nothing is in order. What is lost is sent again, and that is a delay for all that comes behind it; what meets a cut link waits until it heals.
final class Network {
    private static final long QUICKEST = MILLIS / 5, USUAL = MILLIS;
    private static final int LOST = 8;                                   // on a bad link one message in so many is sent again

    /// One direction of one pair.
    private static final class Way {
        long freeAt, cutUntil, badUntil, most;
    }

    private final Timeline timeline;
    private final Draws draws;
    private final Map<Long, Way> up = new HashMap<>(), down = new HashMap<>();

    Network(Timeline timeline, Draws draws) {
        this.timeline = timeline;
        this.draws = draws;
    }

    /// From a rank to the coordinator.
    void up(long id, Runnable arrives) {
        send(way(up, id), arrives);
    }

    /// From the coordinator to a rank.
    void down(long id, Runnable arrives) {
        send(way(down, id), arrives);
    }

    private static Way way(Map<Long, Way> ways, long id) {
        return ways.computeIfAbsent(id, _ -> new Way());
    }

    private void send(Way way, Runnable arrives) {
        long now = timeline.nanos();
        long at = now + draws.between(QUICKEST, USUAL);
        if (way.badUntil > now) {
            at += draws.between(0, way.most) + (draws.oneIn(LOST) ? draws.between(SECONDS / 5, 2 * SECONDS) : 0);
        }
        if (way.cutUntil > now) {
            at += way.cutUntil - now;
        }
        way.freeAt = Math.max(at, way.freeAt);                           // nothing overtakes
        timeline.at(way.freeAt, arrives);
    }

    /// Cuts one direction or both for so long.
    void cut(long id, boolean upwards, boolean downwards, long nanos) {
        if (upwards) {
            way(up, id).cutUntil = timeline.nanos() + nanos;
        }
        if (downwards) {
            way(down, id).cutUntil = timeline.nanos() + nanos;
        }
    }

    /// For so long, messages in both directions take up to `most` longer and some are lost and sent again.
    void disturb(long id, long nanos, long most) {
        for (Way way : new Way[] {way(up, id), way(down, id)}) {
            way.badUntil = timeline.nanos() + nanos;
            way.most = most;
        }
    }

    /// Whether what the coordinator sends now is not held up.
    boolean reaches(long id) {
        return way(down, id).cutUntil <= timeline.nanos();
    }
}
