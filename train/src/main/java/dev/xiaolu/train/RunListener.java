package dev.xiaolu.train;

import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.DigestChain;

/// Told what a run does, in order, on the thread that trains. A listener that throws stops the run.
public interface RunListener {
    /// What stands fixed before the first step.
    ///
    /// @param firstStep      number of the first step that will run
    /// @param lastStep       number of the last step of the schedule
    /// @param parameters     number of trained parameters
    /// @param flopsPerToken  floating-point operations of training on one token: three forward passes' worth
    /// @param trainingTokens tokens that can be trained on
    /// @param corpus         where the text comes from, for people
    /// @param backend        what it runs on, for people
    record Prepared(long firstStep, long lastStep, long parameters, double flopsPerToken, long trainingTokens, String corpus, String backend) {}

    /// One step.
    ///
    /// @param result  what it did
    /// @param seconds how long it took, digest included
    /// @param chain   the run's digest chain after it
    record Stepped(StepResult result, double seconds, DigestChain chain) {}

    /// Everything is ready; the first step comes next.
    default void prepared(Prepared prepared) {}

    /// A step is done.
    default void stepped(Stepped stepped) {}

    /// The model has been evaluated on held-out text after a step; `last` at the end of the run.
    default void evaluated(long step, Evaluation evaluation, boolean last) {}

    /// The model has gone on writing `prompt` with `text`.
    default void sampled(long step, String prompt, String text) {}

    /// A checkpoint is whole on the disk.
    default void saved(Checkpoint checkpoint) {}

    /// Something that the run survives but its owner should know, such as a full disk.
    default void warned(String message) {}

    /// Something takes a while, such as preparing text.
    default void working(String what) {}
}
