package dev.xiaolu.status;

import java.util.Optional;
import java.util.OptionalDouble;

/// How one rank stands.
///
/// @param index            which worker it is, from 0; who takes the place of a lost one has its index
/// @param pid              its process id; null where it has ended and its number is not known any more
/// @param state            `starting` until it has joined, `joining` until it has a part, then as the run
/// @param doing            `working` where the run waits for it now, else `idle`
/// @param lastStep         the newest step whose weights it has; null before it has a part
/// @param id               who it is, to the transport
/// @param host             where it runs
/// @param secondsSinceBeat since it last said anything
/// @param secondsPerLeaf   how long a leaf takes it
public record RankStatus(int index, Optional<Long> pid, String state, String doing, Optional<Long> lastStep, String id, String host, OptionalDouble secondsSinceBeat, OptionalDouble secondsPerLeaf) {
    /// Has joined, and takes part from the next boundary on.
    public static final String JOINING = "joining";

    /// A process that has not said a word yet, or the only one of a run.
    public static RankStatus alone(int index, Optional<Long> pid, String state, Optional<Long> lastStep) {
        return new RankStatus(index, pid, state, state.equals(RunStatus.TRAINING) ? "working" : "idle", lastStep, "", "", OptionalDouble.empty(), OptionalDouble.empty());
    }

    /// At its end, which came after this step.
    RankStatus at(long step) {
        return new RankStatus(index, pid, state, "idle", lastStep.isPresent() ? Optional.of(step) : lastStep, id, host, OptionalDouble.empty(), secondsPerLeaf);
    }

    RankStatus in(String newState) {
        return new RankStatus(index, pid, newState, "idle", lastStep, id, host, OptionalDouble.empty(), secondsPerLeaf);
    }
}
