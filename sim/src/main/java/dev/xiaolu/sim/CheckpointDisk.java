package dev.xiaolu.sim;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/// The disk that all ranks save checkpoints to: one is whole or not there, also where its saver ends half-way. It can be full.
final class CheckpointDisk {
    private final TreeMap<Long, Long> whole = new TreeMap<>();           // step: weights
    private final Map<Long, TreeSet<Long>> begun = new HashMap<>();      // step: who writes it
    private int refusals;

    /// The next so many checkpoints find no space.
    void fill(int saves) {
        refusals += saves;
    }

    /// Opens a checkpoint; false where there is no space.
    boolean begin(long step, long saver) {
        if (refusals > 0) {
            refusals--;
            return false;
        }
        begun.computeIfAbsent(step, _ -> new TreeSet<>()).add(saver);
        return true;
    }

    /// Puts all of it in place in one step.
    void commit(long step, long saver, long weights) {
        if (begun.getOrDefault(step, new TreeSet<>()).remove(saver)) {
            whole.put(step, weights);
        }
    }

    /// The weights in the checkpoint of a step, null where none is whole.
    Long read(long step) {
        return whole.get(step);
    }
}
