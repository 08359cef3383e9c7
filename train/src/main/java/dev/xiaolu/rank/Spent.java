package dev.xiaolu.rank;

import dev.xiaolu.platform.Clock;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/// How a rank has spent its time. One thread at a time.
final class Spent {
    private static final int WARM_STEPS = 10;                    // the first ones of a process are left out: its compiler is at work

    /// What time is spent on.
    enum Part {
        /// Forward and backward passes.
        LEAVES("leaves"),
        /// Means of gradients and their norm.
        MEANS("means"),
        /// The optimizer.
        UPDATE("update"),
        /// New weights of other owners.
        WEIGHTS("weights of others"),
        /// The digest of all weights, which a run in one process makes too.
        DIGEST("digest of weights"),
        /// The second slot, mirrored state and its digests: what it costs that a rank may be lost.
        MIRRORS("mirrors"),
        /// Leaves that two ranks compute, and their digests.
        CHECKS("checks"),
        /// Copying for checkpoints, as far as it is waited for.
        CHECKPOINTS("checkpoints"),
        /// Held-out text and samples.
        LOOKS("looks"),
        /// Orders, messages.
        ORDERS("orders"),
        /// Nothing to do.
        WAITING("waiting");

        private final String words;

        Part(String words) {
            this.words = words;
        }
    }

    private final Map<Part, Long> nanos = new EnumMap<>(Part.class);
    private long since = Clock.real().nanos();
    private long steps = -WARM_STEPS;

    /// The time since the last call was spent on `part`.
    void on(Part part) {
        long now = Clock.real().nanos();
        nanos.merge(part, now - since, Long::sum);
        since = now;
    }

    /// A step is over.
    void step() {
        if (++steps == 0) {
            nanos.clear();
        }
    }

    /// Milliseconds of a step, by what they were spent on, for example `leaves 551.3, means 10.9`; what a warm process has not got to is left out.
    String words() {
        return steps <= 0 ? "" : String.format(Locale.ROOT, "milliseconds of a step, mean of %d: ", steps)
                + nanos.entrySet().stream().map(each -> String.format(Locale.ROOT, "%s %.1f", each.getKey().words, each.getValue() * 1e-6 / steps)).collect(Collectors.joining(", "));
    }
}
