package dev.xiaolu.recover;

import static dev.xiaolu.platform.Check.check;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// What reaches the control plane. Immutable; [Lines] writes and reads one as a line of text.
public sealed interface Event {
    /// A message of a rank that belongs to the run, or says so.
    sealed interface FromRank extends Event {
        long id();
    }

    /// A process wants to take part; what it is built from and set to is in the fingerprint.
    record Joined(Member member, SortedMap<String, String> fingerprint) implements Event {
        public Joined {
            fingerprint = sorted(fingerprint);
        }
    }

    /// The time for gathering is over.
    record StartDeadline() implements Event {}

    /// The time for waiting is over that began with [Action.Wait] of this generation.
    record WaitDeadline(long generation) implements Event {}

    /// How fast each rank is, as weights; those not named have [Stragglers#USUAL]. Counts from the next step on, and for leaves that must be computed again.
    record Speeds(SortedMap<Long, Integer> weights) implements Event {
        public Speeds {
            weights = sorted(weights);
            weights.forEach((id, weight) -> check(weight > 0, "Speeds: rank %d has weight %d, wanted a positive number", id, weight));
        }
    }

    /// A process has ended, is silent, makes no progress or must not be trusted.
    record Lost(long id, String why) implements Event {}

    /// The checkpoint of `step` cannot be read as it was written; `newest` is the newest older one that can, or -1.
    record Damaged(long step, long newest) implements Event {}

    /// What was found about the step under way must be found a second time to be believed.
    record Doubted(long step, String why) implements Event {}

    /// Something that the control plane has no use for, and that every replica of it is to know; changes nothing.
    ///
    /// @param id      who tells it
    /// @param subject what it is about, in the words of those who exchange it
    record Noted(long id, String subject, String text) implements Event {}

    /// The run cannot go on, for a reason that the control plane does not know.
    record Hopeless(String why) implements Event {}

    /// Somebody wants the run to end after the step under way, with a checkpoint.
    record Stop(String why) implements Event {}

    /// The rank has the state that the layout gives it.
    record Ready(long id, long generation) implements FromRank {}

    /// The rank has computed leaves, perhaps not all of those it was asked for; `generation` is the one it has last settled in.
    record Computed(long id, long generation, long step, List<Leaf> leaves) implements FromRank {
        public Computed {
            leaves = List.copyOf(leaves);
        }
    }

    /// The rank has its part of the summed gradient; the counts of all ranks are to be summed element by element.
    record Reduced(long id, long generation, long step, List<Long> counts) implements FromRank {
        public Reduced {
            counts = List.copyOf(counts);
        }
    }

    /// The rank has all new weights and its mirrors' state beside the old ones; names and digests of what it has made.
    record Staged(long id, long generation, long step, SortedMap<String, String> digests) implements FromRank {
        public Staged {
            digests = sorted(digests);
        }
    }

    /// The checkpoint asked for in `generation` is durable.
    record Saved(long id, long generation, long step) implements FromRank {}

    /// The checkpoint asked for in `generation` could not be made.
    record SaveFailed(long id, long generation, long step, String why) implements FromRank {}

    private static <K extends Comparable<K>, V> SortedMap<K, V> sorted(SortedMap<K, V> map) {
        return Collections.unmodifiableSortedMap(new TreeMap<>(map));
    }
}
