package dev.xiaolu.train;

import dev.xiaolu.nn.RouterLoad;
import java.util.List;
import java.util.Map;

/// What one step did.
///
/// @param step         number of the step, from 1
/// @param loss         mean cross-entropy of the batch before the update, nats per token
/// @param terms        other losses that the step made smaller, by name, each before its weight
/// @param gradNorm     norm of the mean gradient before clipping
/// @param learningRate rate of the step
/// @param tokens       tokens trained on
/// @param routers      what the routers of experts did, layer by layer; none in a model without
/// @param updated      whether parameters changed: not where the loss or a gradient was no finite number
public record StepResult(long step, double loss, Map<String, Double> terms, double gradNorm, double learningRate, long tokens, List<RouterLoad> routers, boolean updated) {}
