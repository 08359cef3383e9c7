package dev.xiaolu.status;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/// A status with everything in it: three workers, of which number 1 was killed and has come back, and number 2 is not back yet.
public final class TestStatus {
    /// When it was written.
    public static final long NOW = 1_790_000_000_000L;

    private TestStatus() {}

    /// Written by `process` at `wallMillis`.
    public static RunStatus of(WriterProcess process, long wallMillis) {
        long begun = wallMillis - 100_000;
        var ranks = List.of(rank(0, 101, RunStatus.TRAINING, Optional.of(17L)), rank(1, 202, RankStatus.JOINING, Optional.empty()), RankStatus.alone(2, Optional.of(203L), RunStatus.STARTING, Optional.empty()));
        var faults = List.of(Fault.of(1, 102, "its process has ended, signal 9", 11, begun + 40_000, OptionalDouble.of(0.15)),
                Fault.of(2, 103, "silent for 1600 ms, the limit is 1500 ms", 15, begun + 90_000, OptionalDouble.empty()));
        var lives = List.of(new Life(0, 101, begun + 5000, Optional.empty()), new Life(1, 102, begun + 5000, Optional.of(begun + 40_000)), new Life(2, 103, begun + 5000, Optional.of(begun + 90_000)));
        return new RunStatus(RunStatus.TRAINING, Optional.empty(), 17, 40, 5, OptionalDouble.of(0.93), Optional.of(10L), OptionalDouble.of(8.25), Optional.of("http://127.0.0.1:4000/"), Optional.of(process), List.of(), begun, wallMillis, 2,
                ranks, faults, lives);
    }

    private static RankStatus rank(int index, long pid, String state, Optional<Long> step) {
        return new RankStatus(index, Optional.of(pid), state, "working", step, "%016x".formatted(pid), "127.0.0.1", OptionalDouble.of(0.1), step.isPresent() ? OptionalDouble.of(0.25) : OptionalDouble.empty());
    }
}
