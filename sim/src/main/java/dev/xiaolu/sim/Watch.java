package dev.xiaolu.sim;

import static dev.xiaolu.sim.Timeline.MILLIS;
import static dev.xiaolu.sim.Timeline.SECONDS;

import dev.xiaolu.recover.Heartbeats;
import dev.xiaolu.recover.Stragglers;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/// What the coordinator has heard of each rank, and when by its own clock: gives [Heartbeats] and [Stragglers] what they decide on.
final class Watch {
    /// So often the coordinator looks who is late.
    static final long LOOK = SECONDS;

    private final Heartbeats limits = new Heartbeats(5_000, 30_000);
    private final TreeMap<Long, Heartbeats.Beat> beats = new TreeMap<>();
    private final Map<Long, Long> since = new HashMap<>();               // when a rank was asked for leaves, or has told the last one
    private final TreeMap<Long, Long> nanosPerLeaf = new TreeMap<>();
    private long lastLook;

    /// A rank was heard.
    void beat(long id, long nanos) {
        beats.computeIfPresent(id, (_, beat) -> new Heartbeats.Beat(nanos / MILLIS, beat.progressMillis()));
    }

    /// A rank has joined, finished something or was asked for something.
    void progress(long id, long nanos) {
        beats.merge(id, new Heartbeats.Beat(nanos / MILLIS, nanos / MILLIS), (old, now) -> new Heartbeats.Beat(old.beatMillis(), now.progressMillis()));
    }

    void askedForLeaves(long id, long nanos) {
        since.put(id, nanos);
    }

    void computed(long id, int leaves, long nanos) {
        Long begun = since.put(id, nanos);
        if (begun != null && leaves > 0) {
            nanosPerLeaf.put(id, Math.max(1, (nanos - begun) / leaves));
        }
    }

    void forget(long id) {
        beats.remove(id);
        since.remove(id);
        nanosPerLeaf.remove(id);
    }

    /// How long nobody has looked beyond the usual, and so how long the coordinator itself was away; it begins anew from now.
    long away(long nanos) {
        long away = nanos - lastLook - LOOK;
        lastLook = nanos;
        return away;
    }

    /// The coordinator was away for so long: silence in that time is its own, not that of the ranks.
    void excuse(long nanos) {
        beats.replaceAll((_, beat) -> new Heartbeats.Beat(beat.beatMillis() + nanos / MILLIS, beat.progressMillis() + nanos / MILLIS));
        since.replaceAll((_, begun) -> begun + nanos);
    }

    List<Heartbeats.Late> late(Set<Long> awaited, long nanos) {
        return limits.late(beats, awaited, nanos / MILLIS);
    }

    /// The weights of those who are not as fast as most.
    SortedMap<Long, Integer> weights() {
        SortedMap<Long, Integer> weights = new TreeMap<>(Stragglers.weights(nanosPerLeaf));
        weights.values().removeIf(weight -> weight == Stragglers.USUAL);
        return weights;
    }
}
