package dev.xiaolu.train;

import dev.xiaolu.nn.ParameterCount;
import dev.xiaolu.store.Checkpoint;
import dev.xiaolu.store.DigestChain;
import java.util.Optional;

/// Told what a run does, in order, on the thread that trains. A listener that throws stops the run.
public interface RunListener {
    /// What stands fixed before the first step.
    ///
    /// @param firstStep      number of the first step that will run
    /// @param lastStep       number of the last step of the schedule
    /// @param parameters     how many numbers the model consists of
    /// @param flopsPerToken  floating-point operations of training on one token: three forward passes' worth
    /// @param trainingTokens tokens that can be trained on
    /// @param corpus         where the text comes from, for people
    /// @param backend        what it runs on, for people
    record Prepared(long firstStep, long lastStep, ParameterCount parameters, double flopsPerToken, long trainingTokens, String corpus, String backend) {}

    /// One step.
    ///
    /// @param result     what it did
    /// @param seconds    how long it took, digest included, evaluation not
    /// @param weights    digest of the weights after it
    /// @param chain      the run's digest chain after it
    /// @param evaluation on held-out text after it, where one was due and there is such text
    record Stepped(StepResult result, double seconds, String weights, DigestChain chain, Optional<Evaluation> evaluation) {}

    /// Everything is ready; the first step comes next.
    default void prepared(Prepared prepared) {}

    /// A step is done.
    default void stepped(Stepped stepped) {}

    /// The model has gone on writing `prompt` with `text`.
    default void sampled(long step, String prompt, String text) {}

    /// A checkpoint is whole on the disk.
    default void saved(Checkpoint checkpoint) {}

    /// Something that the run survives but its owner should know, such as a full disk.
    default void warned(String message) {}
}
