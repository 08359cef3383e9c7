package dev.xiaolu.rank;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.TreeMap;

/// The part of the time that went into steps that count. A step that a change of membership disturbed counts with what a calm one takes, and one that was undone not at all. One thread at a time.
final class Goodput {
    private static final int CALM = 31;                          // newest calm steps, of which the median is the measure

    private final Deque<Long> calm = new ArrayDeque<>();
    private final TreeMap<Long, Long> useful = new TreeMap<>();  // nanoseconds by step, of the newest steps
    private long begun = -1;
    private long last;
    private boolean disturbed;

    /// The first leaves are asked for.
    void begins(long nanos) {
        if (begun < 0) {
            begun = nanos;
            last = nanos;
        }
    }

    /// Membership changes.
    void disturbed() {
        disturbed = true;
    }

    void committed(long step, long nanos) {
        long took = nanos - last;
        last = nanos;
        if (!disturbed) {
            calm.addLast(took);
            if (calm.size() > CALM) {
                calm.removeFirst();
            }
        }
        useful.put(step, disturbed && !calm.isEmpty() ? Math.min(took, median()) : took);
        disturbed = false;
    }

    /// Steps after this one are undone.
    void rewound(long step) {
        useful.tailMap(step, false).clear();
    }

    private long median() {
        return calm.stream().sorted().skip(calm.size() / 2).findFirst().orElse(0L);
    }

    /// From 0 to 1; NaN before the first step is done.
    double share(long nanos) {
        long sum = useful.values().stream().mapToLong(Long::longValue).sum();
        return begun < 0 || sum == 0 ? Double.NaN : Math.min(1, (double) sum / (nanos - begun));
    }
}
