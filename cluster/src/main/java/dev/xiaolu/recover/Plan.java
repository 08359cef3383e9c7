package dev.xiaolu.recover;

import java.util.List;

/// What is to be trained, as functions of the step alone; steps are counted from 1, and 0 is before the first. Every method is pure.
public interface Plan {
    /// How many gradient leaves the step has; they are numbered from 0.
    int leavesOf(long step);

    /// The step after which the run ends.
    long lastStep();

    /// Whether a checkpoint is to be saved once the step is committed.
    boolean isCheckpointStep(long step);

    /// The leaves of the step that two ranks shall compute, so that a chip that errs is noticed.
    default List<Integer> doubled(long step) {
        return List.of();
    }
}
