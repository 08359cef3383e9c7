package dev.xiaolu.train;

/// What one step did.
///
/// @param step         number of the step, from 1
/// @param loss         mean cross-entropy of the batch before the update, nats per token
/// @param gradNorm     norm of the mean gradient before clipping
/// @param learningRate rate of the step
/// @param tokens       tokens trained on
/// @param updated      whether parameters changed: not where the loss or a gradient was no finite number
public record StepResult(long step, double loss, double gradNorm, double learningRate, long tokens, boolean updated) {}
